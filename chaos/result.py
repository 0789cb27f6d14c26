"""What a chaos run found, as `./kompas chaos --json` prints it."""

import msgspec


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """A fault: seconds since the load began, how long it lasted, and how long it then took until the system worked again (null: not seen)."""

    fault: str
    how: str
    at_s: float
    lasted_s: float
    recovered_s: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All four of lost, double, wrong and ledger are 0, or the run failed."""

    seed: int
    minutes: float
    """How long the load ran: as asked for, and on to the end of its minute."""
    messages: int
    readings: int
    """In these messages, repetitions included."""
    broken: int
    """Records and messages that had to be refused."""
    windows: int
    """Settled values that were compared."""
    lost: int
    """Readings that the broker acknowledged and that are not stored, and refusals that are not told."""
    double: int
    """Rows that stand there twice or that nobody sent, and windows that were said with two values at one revision."""
    wrong: int
    """Settled values, flags and readings that are not what the oracle says, missing and surplus ones included."""
    ledger: int
    """Balance of the ledger when settled; at least 1 where it did not settle."""
    lost_in_broker: int
    """What only the death of the MQTT broker may lose (rule 26)."""
    untimed: dict[str, int]
    """Readings without a time, which are at least once: lost (these count as lost, too) and repeated (no fault)."""
    faults: list[Happened]
    recovery_s: dict[str, float | None]
    """The longest of each fault, counted from it; from its end where it is a pause or a full disk."""
    disk: str
    """How a disk was filled: tmpfs, or a limit on the size of files; empty where none was."""
    restarts: dict[str, int]
    """How often each program was started again."""
    details: dict[str, list[str]]
    """What was found, the first twenty sentences of each."""

    @property
    def well(self) -> bool:
        """Nothing lost, nothing twice, everything right."""
        return not (self.lost or self.double or self.wrong or self.ledger)
