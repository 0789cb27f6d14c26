"""Ask this container's process whether it can do its job: `python -m deploy.probe`, for the health check.

Promises  Exit code 0 where /readyz answers 200, 1 otherwise, with the answer on standard output.
"""

import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """The command."""
    port = os.environ.get("KOMPAS_HEALTH_PORT", "8080")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            said, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        said, status = error.read().decode(), error.code
    except OSError as error:
        said, status = str(error), 0
    sys.stdout.write(said + "\n")
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
