"""When a kind of sensor is silent: the clock of a partition, made of its gateways' heartbeats (rule 8).

Promises  A pure function of the heartbeats in the log; any gap of more than GAP_US between them begins the count again,
          so an outage closes nothing and the backlog after it has the idle time to arrive.
Leaves    Moving the watermarks to stream.worker.partition.
"""

import msgspec

GAP_US = 5_000_000
HEARD_US = 60_000_000


class Silence(msgspec.Struct):
    """Clocks of the gateways heard, and since when heartbeats have come without a gap."""

    clocks: dict[str, int] = {}
    newest_us: int = -(1 << 62)
    unbroken_from_us: int = -(1 << 62)

    def beat(self, gateway: str, clock_us: int, last: bool) -> int:
        """Take one heartbeat in; returns the time up to which all gateways have spoken (µs): the lowest clock heard."""
        if clock_us - self.newest_us > GAP_US:
            self.unbroken_from_us = clock_us
        self.newest_us = max(self.newest_us, clock_us)
        self.clocks[gateway] = max(clock_us, self.clocks.get(gateway, clock_us))
        if last:
            del self.clocks[gateway]
        self.clocks = {name: at for name, at in self.clocks.items() if self.newest_us - at <= HEARD_US}
        return min(self.clocks.values(), default=clock_us)

    def silent(self, last_reading_us: int, idle_us: int) -> bool:
        """True where no reading of a kind has been received for its idle time, heartbeats unbroken."""
        return self.newest_us - max(self.unbroken_from_us, last_reading_us) >= idle_us
