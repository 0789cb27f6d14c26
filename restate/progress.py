"""What moves and what waits in the restater, for its guard: its loop, which always has to look, compute or try again.

Promises  PostgreSQL or Kafka away is an outage, however long.
Leaves    The verdict to runtime.watchdog.
"""

from collections.abc import Collection, Mapping

from catalog.topics import KPIS
from restate.loop import Loop
from restate.settings import RestaterSettings
from runtime import kafka
from runtime.errors import Unavailable
from storage import queries
from storage.queries import copied

LONGEST_GROUP = 5
"""Times the patience of others: what is asked of PostgreSQL may take long before its first row comes."""
_LOOP = "restating"


class LoopProgress:
    """The one lane of the restater."""

    def __init__(self, settings: RestaterSettings, loop: Loop) -> None:
        self._settings, self._loop = settings, loop

    def counts(self) -> Mapping[str, int]:
        """Looks, windows and attempts, and pieces of what is read and written for one of these."""
        return {_LOOP: self._loop.turns + copied.moved()}

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        """The loop has to turn while both servers answer."""
        try:
            queries.answers(self._settings.conninfo, "kompas restater's guard")
            kafka.ends_now(self._settings.kafka, "kompas-restater-guard", [(KPIS.name, 0)])
        except Unavailable as error:
            return str(error)
        return dict.fromkeys(lanes, 1)
