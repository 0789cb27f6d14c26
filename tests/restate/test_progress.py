"""What the restater's guard sees move."""

from types import SimpleNamespace
from typing import Any, cast

from restate.progress import LoopProgress
from storage import copied


def test_a_long_question_moves_with_what_it_reads() -> None:
    loop: Any = SimpleNamespace(turns=3)
    progress = LoopProgress(cast(Any, None), loop)
    before = progress.counts()
    assert progress.counts() == before
    copied.moved(2)
    (moved,) = (progress.counts()[lane] - before[lane] for lane in before)
    loop.turns += 1
    assert (moved, [progress.counts()[lane] - before[lane] for lane in before]) == (2, [3])
