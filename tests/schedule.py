"""A pytest plugin that shares the tests out over the workers: what shares something dear stays together, what waits for servers goes first.

`./kompas test` loads it (`-p tests.schedule`). A file stays together, as its module's fixtures are made once a worker; files that look at the
generated day stay together, so that the day is played once. Long waits first: a long file at the end would leave the others idle.
"""

from collections import OrderedDict
from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

DAY = frozenset({"test_arrivals.py", "test_check_sql.py", "test_oracle_day.py", "test_panels.py", "test_recompute_day.py"})
"""Files whose tests ask for the fixture `day`; tests/conftest.py holds this list."""
_FIRST = ("day", "tests/integration/", "tests/real_data/", "tests/simulation/", "tests/dashboards/")


def scope(nodeid: str) -> str:
    """What a test stays together with."""
    file = nodeid.partition("::")[0]
    return "day" if file.rpartition("/")[2] in DAY else file


def ordered(scopes: Sequence[str]) -> list[str]:
    """Scopes in the order in which they are handed out; within a rank as they were collected."""
    return sorted(scopes, key=lambda each: next((rank for rank, begin in enumerate(_FIRST) if each.startswith(begin)), len(_FIRST)))


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Work units are scopes of ours, in our order."""

    workqueue: OrderedDict[str, dict[str, bool]]

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.workqueue:
            self.workqueue = OrderedDict((each, self.workqueue[each]) for each in ordered(list(self.workqueue)))
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Ours, whatever --dist says."""
    return Scheduling(config, log)
