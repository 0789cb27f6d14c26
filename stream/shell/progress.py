"""What moves and what waits in the worker, for its guard: partitions, snapshots, and having partitions at all.

Promises  Reads what the event loop's thread writes, and asks Kafka with clients of its own. A partition that waits for an upgrade does not
          count as standing.
Leaves    The verdict to runtime.watchdog.
"""

import asyncio
from collections.abc import Collection, Mapping

from catalog.topics import PARTITIONS, READINGS, WORKERS
from runtime import kafka
from runtime.errors import Unavailable
from stream.shell.owner import Owner, Part

ASSIGNMENT = "partitions of the group"
"""The lane of a worker that has none."""
_SNAPSHOT = "snapshot of "


class WorkerProgress:
    """The lanes of one worker."""

    def __init__(self, bootstrap: str, client_id: str, owner: Owner) -> None:
        self._bootstrap, self._client_id, self._owner = bootstrap, f"{client_id}-guard", owner
        self._committed: Mapping[Part, int] = {}

    def counts(self) -> Mapping[str, int]:
        """Offsets taken in and committed, by partition; a lane of its own while there is no partition."""
        found: dict[str, int] = {}
        for part, holder in list(self._owner.holders.items()):
            found[_SNAPSHOT + _name(part)] = holder.committed
            if holder.stands is None:
                found[_name(part)] = holder.offset
        return found or {ASSIGNMENT: 0}

    def waiting(self, lanes: Collection[str]) -> Mapping[str, int] | str:
        """Records that wait behind each; where Kafka is away, that it is."""
        holders = {_name(part): (part, holder) for part, holder in list(self._owner.holders.items())}
        known = {lane: holders[name] for lane in lanes if (name := lane.removeprefix(_SNAPSHOT)) in holders}
        try:
            ends = kafka.ends_now(self._bootstrap, self._client_id, [part for part, _ in known.values()] or [(READINGS.name, 0)])
            found = {lane: self._of_group() for lane in lanes if lane == ASSIGNMENT}
        except Unavailable as error:
            return str(error)
        for lane, (part, holder) in known.items():
            found[lane] = self._owner.overdue(part) if lane.startswith(_SNAPSHOT) else ends[part] - 1 - holder.offset
        return found

    def _of_group(self) -> int:
        """Readings that nobody of the group takes in; 0 where others go on, and this one is only not needed."""
        parts = [(READINGS.name, number) for number in range(PARTITIONS)]
        committed = asyncio.run(kafka.group_offsets_now(self._bootstrap, self._client_id, WORKERS, parts))
        before, self._committed = self._committed, committed
        if committed != before:
            return 0
        ends = kafka.ends_now(self._bootstrap, self._client_id, parts)
        return sum(end - max(0, committed.get(part, 0)) for part, end in ends.items())


def _name(part: Part) -> str:
    return f"{part[0]}/{part[1]}"
