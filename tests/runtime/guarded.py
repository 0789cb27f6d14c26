"""A small guarded process: `python -m tests.runtime.guarded HOW`; says `up` once it is watched, then wedges itself, or not.

loop     its event loop stands still
kernel   a call keeps the interpreter to itself: not even the guard's thread runs
lane     its loop turns, its work does not
away     as lane, while its server is away
back     as away, until its server is back; says what the guard tells of it meanwhile, and afterwards
well     works for some patience and ends with 0
"""

import asyncio
import ctypes
import sys
import time
from collections.abc import Collection, Mapping

from runtime import events
from runtime.guard import Guard

PATIENCE_S = 1.2


class Work:
    """One lane."""

    def __init__(self, how: str) -> None:
        self.how, self.done = how, 0

    def counts(self) -> Mapping[str, int]:
        return {"work": self.done}

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        return "server 7: wanted an answer, got none" if self.how == "away" else dict.fromkeys(lanes, 0 if self.how == "back" else 3)


async def serve(how: str) -> None:
    work = Work("away" if how == "back" else how)
    guard = Guard(work, PATIENCE_S, asyncio.get_running_loop(), asking_s=0.5)
    guard.start()
    sys.stdout.write("up\n")
    sys.stdout.flush()
    if how == "loop":
        time.sleep(3_600)  # noqa: ASYNC251 - this is what is tested
    if how == "kernel":
        ctypes.PyDLL(None).sleep(3_600)
    if how == "back":
        await told(guard, work)
    for _ in range(round(4 * PATIENCE_S / 0.05) if how in ("well", "away", "back") else 100_000):
        work.done += how == "well"
        await asyncio.sleep(0.05)
    guard.stop()


async def told(guard: Guard, work: Work) -> None:
    while guard.awaited() is None:  # noqa: ASYNC110 - the guard's thread sets no event of this loop
        await asyncio.sleep(0.01)
    events.happened("told", awaited=guard.awaited(), problem=guard.problem())
    work.how = "back"
    while guard.awaited() is not None:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    events.configure("guarded")
    asyncio.run(serve(sys.argv[1]))
