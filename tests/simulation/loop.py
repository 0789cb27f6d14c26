"""An event loop whose clock jumps to the next timer: a minute takes milliseconds and every run of a seed is the same."""

import asyncio
import contextvars
import selectors
from typing import Any


class Stuck(Exception):
    """Everything waits for something that nobody will do."""


class _Jump(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("no timer, nothing ready")
        self.now_s += max(0.0, timeout)
        return []


CURRENT: contextvars.ContextVar[Any] = contextvars.ContextVar("process")
"""The simulated process that the running task or callback belongs to; it has a dict `tasks`."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time goes on only where everybody waits. Tasks are entered in `tasks` of their process."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self.set_task_factory(_made)
        self.set_exception_handler(lambda _loop, _context: None)  # what a process does wrong, the judge sees by its outputs

    def time(self) -> float:
        return self._jump.now_s


def _made(loop: asyncio.AbstractEventLoop, coroutine: Any, context: contextvars.Context | None = None) -> "asyncio.Task[Any]":
    task = asyncio.Task(coroutine, loop=loop, context=context)
    process = CURRENT.get(None) if context is None else context.get(CURRENT)
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
    return task
