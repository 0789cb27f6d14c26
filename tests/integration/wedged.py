"""A worker that wedges itself: `python -m tests.integration.wedged FILE` takes no record in any more once FILE is there.

Faust, the event loop and heartbeats to the group go on; nothing moves. FILE is removed as it wedges, so that the next life goes on.
"""

import sys
from pathlib import Path

from stream.shell.holders import WorkerHolder
from stream.shell.owner import Owner

FILE = Path(sys.argv[1])
take = WorkerHolder.take


def _stuck(self: WorkerHolder, value: bytes, offset: int, waited: int | None) -> None:
    take(self, value, offset, waited)
    if FILE.exists():
        FILE.unlink()
        Owner.expect = lambda *_: None  # type: ignore[method-assign]


WorkerHolder.take = _stuck  # type: ignore[method-assign]

from stream.__main__ import main  # noqa: E402 - what it imports takes the method from above

if __name__ == "__main__":
    sys.argv = sys.argv[:1]
    sys.exit(main())
