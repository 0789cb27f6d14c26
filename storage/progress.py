"""What moves and what waits in the writer, for its guard: every partition of all lanes.

Promises  PostgreSQL or Kafka away, or refusing, is an outage: the lane tries again and again, and each attempt is a movement. Only one that
          neither stores nor tries, although both servers answer, stands. A partition that waits for an upgrade does not.
Leaves    The verdict to runtime.watchdog.
"""

from collections.abc import Collection, Mapping

from runtime import kafka
from runtime.errors import Unavailable
from storage.connect import answers
from storage.lane import Lane
from storage.positions import Key
from storage.settings import WriterSettings


class WriterProgress:
    """The lanes of one writer."""

    def __init__(self, settings: WriterSettings, lanes: Collection[Lane]) -> None:
        self._settings, self._lanes = settings, lanes

    def counts(self) -> Mapping[str, int]:
        """Where each partition stands, plus the sessions begun; of a lane that knows no position yet, its sessions."""
        found: dict[str, int] = {}
        for lane in self._lanes:
            positions = lane.watch.positions
            found |= {_name(key): at.log_offset + lane.sessions for key, at in positions.items() if key not in lane.stands}
            if not positions:
                found[lane.name] = lane.sessions
        return found

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        """Records that are not stored; a lane without a position always has to try."""
        at = {_name(key): (key, position.log_offset) for lane in self._lanes for key, position in lane.watch.positions.items()}
        known = {name: at[name] for name in lanes if name in at}
        try:
            answers(self._settings.conninfo, "kompas writer's guard")
            keys = [key for key, _ in known.values()] or [key for lane in self._lanes for key in lane.keys[:1]]
            ends = kafka.ends_now(self._settings.kafka, f"kompas-writer-{self._settings.ordinal}-guard", keys)
        except Unavailable as error:
            return str(error)
        return {name: ends[known[name][0]] - known[name][1] if name in known else 1 for name in lanes}


def _name(key: Key) -> str:
    return f"{key.topic}/{key.partition}"
