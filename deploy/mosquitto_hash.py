"""Mosquitto's password hashes, made without Mosquitto's own tool.

Promises  A line that mosquitto 2.0 accepts: PBKDF2 with SHA-512, written $7$iterations$salt$hash.
Leaves    Choosing good passwords to local/credentials.
Source: [mosquitto-passwd] in docs/sources.md
"""

import base64
import hashlib

ITERATIONS = 20_000
"""Far above the tool's 101; logins are rare, a guess should cost."""


def password_line(user: str, password: str, salt: bytes) -> str:
    """One line of the password file, without a newline."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"{user}:$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
