"""What a run found, as one object: the JSON of `./kompas bench pipeline --json`."""

import os
import platform

import msgspec

from benchmarks.catching_up import CaughtUp
from benchmarks.figures import Spread
from benchmarks.kernel import Compared
from benchmarks.loading import Loaded


class Machine(msgspec.Struct, frozen=True):
    """Where it ran, and how busy that was when it began."""

    cores: int
    system: str
    python: str
    load_average: float
    """Over the minute before; what others do on the machine is missing in every figure per second."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine and the libraries give, measured in the same run."""

    paho_messages_per_cpu_s: float
    """paho's loop with an empty callback, QoS 1, same broker."""
    kafka_readings_per_cpu_s: float
    """aiokafka getmany on the frames of the first load."""
    memory_gb_per_s: float
    copy_rows_per_s: float
    """The server's own COPY of the writer's backlog into an empty hypertable with the same keys; NaN in a run without it."""
    copy_rows: int


class FrameSizes(msgspec.Struct, frozen=True, kw_only=True):
    """Frames of readings as the gateway cut them under a load."""

    load: str
    rows: Spread
    kilobytes: Spread
    records_per_s: float
    """Heartbeats included: what the worker takes from Kafka."""


class Verdict(msgspec.Struct, frozen=True):
    """One target: what is wanted, what was reached, and why not."""

    target: str
    wanted: str
    reached: str
    met: bool
    why: str = ""


class Ratio(msgspec.Struct, frozen=True):
    """Ours against a limit of the same run."""

    what: str
    ours: float
    limit: float
    ratio: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    machine: Machine
    took_s: float
    limits: Limits
    loads: list[Loaded]
    frames: list[FrameSizes]
    worker: CaughtUp
    worker_frames: FrameSizes
    writer: CaughtUp
    kernel: Compared
    ratios: list[Ratio] = []
    verdicts: list[Verdict] = []
    rows_sent: int
    rows_in_table: int
    """Counted by the database at the end: every reading of every load."""


def machine() -> Machine:
    """This one, now."""
    return Machine(
        os.cpu_count() or 1, f"{platform.system()} {platform.release()} {platform.machine()}", platform.python_version(), os.getloadavg()[0]
    )
