"""Ask our processes for /readyz and /metrics.

Promises  An answer always comes back, within a second: status 0 where nobody listens.
Leaves    What the numbers mean to measure.py.
"""

import http.client
from typing import NamedTuple


class Page(NamedTuple):
    """Status and body; status 0 and what went wrong where there was no answer."""

    status: int
    body: str


def get(port: int, path: str, host: str = "127.0.0.1") -> Page:
    """One GET."""
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Page(answer.status, answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        return Page(0, str(error) or type(error).__name__)
    finally:
        connection.close()
