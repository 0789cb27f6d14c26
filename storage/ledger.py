"""The balance of messages and readings over every hop, and where something is missing. Pure.

messages   delivered = decoded + rejected                     a gateway's life
readings   decoded   = framed + rejected + repeats inside one message
rows       framed    = arrived                                 a life in a partition
           arrived   = checked + duplicates + conflicts        a partition
           checked   = stored + late duplicates + late conflicts   a writer

Promises  A function of the ledger's tables. Zero where nothing is missing and nothing is too much; what is only on its way is told apart.
          What a gateway's life framed and Kafka never confirmed was never acknowledged to MQTT: it comes again in the next life and is not missing.
Leaves    Reading the tables to storage.ledger_books, whether everything has arrived to storage.settled.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from storage.lives import MESSAGES, Part
from storage.tally import Counts

BROKER, GATEWAY, TO_KAFKA, TO_WORKER = "broker", "gateway", "gateway->Kafka", "Kafka->worker"
WORKER, TO_REJECTED, TO_WRITER, WRITER = "worker", "worker->rejected", "worker->writer", "writer"
HOPS = (BROKER, GATEWAY, TO_KAFKA, TO_WORKER, WORKER, TO_REJECTED, TO_WRITER, WRITER)


class Life(NamedTuple):
    """A gateway's life with its newest totals (MESSAGES), and its part in each partition."""

    gateway: str
    life: str
    running: bool
    """Neither ended nor followed by another life of this gateway."""
    totals: Mapping[str, int]
    """Empty where no heartbeat of it came."""
    parts: Mapping[int, Part]

    @property
    def in_hand(self) -> int:
        """Messages of which Kafka does not have every part, as the newest heartbeat says."""
        confirmed = self.totals.get("confirmed", -1)
        return 0 if confirmed < 0 else self.totals["delivered"] - confirmed

    @property
    def ended(self) -> bool:
        """It said goodbye."""
        return any(part.ended for part in self.parts.values())


class Partition(NamedTuple):
    """A partition's numbers, and how far it is stored."""

    partition: int
    counts: Counts
    next_offset: int
    log_offset: int


class Books(NamedTuple):
    """Everything that the ledger's tables say, of one moment."""

    lives: Sequence[Life]
    partitions: Sequence[Partition]
    writers: Mapping[int, Mapping[str, int]]
    """Totals of stored_total by writer."""
    rejected: Mapping[tuple[str, str, str], tuple[int, int]]
    """Messages and readings by gateway, life and source."""
    broker_dropped: int


class Line(NamedTuple):
    """One equation: what should be there and what is."""

    hop: str
    where: str
    what: str
    expected: int
    got: int
    why: str = ""

    @property
    def missing(self) -> int:
        """Positive: missing; negative: too much."""
        return self.expected - self.got


class Found(NamedTuple):
    """Lines that do not balance, what is on its way, and what somebody must look at."""

    lines: list[Line]
    waiting: list[str]
    alarms: list[str]

    @property
    def balance(self) -> int:
        """0 where every equation holds; what the broker dropped is told apart."""
        return sum(abs(line.missing) for line in self.lines if line.hop != BROKER)


def judge(books: Books, *, caught_up: bool) -> Found:
    """All equations; `caught_up`: the refusals and readings that Kafka has are all in the books."""
    found = Found([], [], [])
    partitions = {each.partition: each for each in books.partitions}
    damaged = {each.partition: each.counts.damaged for each in books.partitions}
    for life in books.lives:
        found.lines.extend(line for line in _inside(life) if line.missing)
        for number in sorted(life.parts):
            _frames(life, number, partitions.get(number), damaged, found)
        _refusals(life, books.rejected.get((life.gateway, life.life, "gateway"), (0, 0)), found, caught_up=caught_up)
    for partition in books.partitions:
        _partition(partition, found)
    if all(each.counts.began == 0 for each in books.partitions):
        _worker_refusals(books, found, caught_up=caught_up)
    for writer, totals in sorted(books.writers.items()):
        line = _stored(f"writer {writer}", totals)
        if line.missing:
            found.lines.append(line)
    if books.broker_dropped:
        found.lines.append(Line(BROKER, "MQTT broker", "dropped_by_broker", books.broker_dropped, 0, "its queues were full"))
    found.alarms[:0] = [said(line) for line in found.lines]
    return found


def said(line: Line) -> str:
    """A line as a sentence."""
    word = "missing" if line.missing > 0 else "too many"
    why = f" ({line.why})" if line.why else ""
    return f"{line.hop}: {line.where}: {line.what}: expected {line.expected}, got {line.got}: {abs(line.missing)} {word}{why}"


def _inside(life: Life) -> Iterator[Line]:
    """Equations inside the gateway."""
    totals, where = life.totals, f"{life.gateway}/{life.life}"
    if not totals:
        return
    yield Line(GATEWAY, where, "messages: decoded and rejected", totals["delivered"], totals["decoded"] + totals["rejected_messages"])
    became = totals["framed"] + totals["rejected_readings"] + totals["duplicates"]
    yield Line(GATEWAY, where, "readings: framed, rejected and repeated", totals["readings"], became)
    clocks = {part.clock_us for part in life.parts.values()}
    if len(clocks) == 1 and clocks != {0}:  # the same heartbeat stands in all partitions
        yield Line(GATEWAY, where, "readings framed, by partition", totals["framed"], sum(part.told for part in life.parts.values()))


def _frames(life: Life, number: int, partition: Partition | None, damaged: dict[int, int], found: Found) -> None:
    """Frames of one life in one partition: claimed against arrived."""
    part, where = life.parts[number], f"{life.gateway}/{life.life} partition {number}"
    rows = part.told - part.earlier - part.before if part.told_seq >= 0 else 0
    gap = _gap(partition)
    certain = part.next_seq if gap else part.confirmed_seq if part.confirmed_seq >= 0 else part.told_seq
    holes = sum(min(end, certain) - start for start, end in part.holes if start < certain)
    if not holes:
        if rows and not part.holes:
            found.lines.append(Line(GATEWAY, where, "rows in frames", part.told - part.earlier, part.before, "no frame is missing"))
        elif part.holes:
            again = "are sent again" if life.running else "were not acknowledged to MQTT and come again in the next life"
            found.waiting.append(f"{where}: {sum(end - start for start, end in part.holes)} frames that Kafka never confirmed {again}")
        return
    if holes <= damaged.get(number, 0):
        damaged[number] -= holes
        found.alarms.append(f"{where}: {holes} frames were damaged, {rows} readings: their bytes are in kompas.rejected.v1")
        return
    why = f"{holes} sequence numbers from {part.holes[0][0]} on"
    line = Line(gap or TO_KAFKA, where, "rows of frames", part.told - part.earlier, part.before, why)
    found.lines.append(line if rows else Line(gap or TO_KAFKA, where, "records", part.next_seq, part.next_seq - holes, why))


def _gap(partition: Partition | None) -> str | None:
    """Between which two something is missing that stood in Kafka: by holes in the offsets of the input and of the checked topic."""
    if partition is None or partition.counts.began < 0:
        return None
    counts = partition.counts
    if partition.next_offset - counts.began <= counts.records:
        return None
    return TO_WRITER if partition.log_offset - counts.log_began > counts.log_records else TO_WORKER


def _partition(partition: Partition, found: Found) -> None:
    counts, where = partition.counts, f"partition {partition.partition}"
    line = Line(WORKER, where, "rows: checked, duplicates and conflicts", counts.arrived, counts.checked + counts.duplicates + counts.conflicts)
    if line.missing:
        found.lines.append(line)
    records = Line(_gap(partition) or TO_WRITER, where, "records", partition.next_offset - max(counts.began, 0), counts.records)
    if counts.began >= 0 and records.missing and not any(one.hop == records.hop and one.where.endswith(f" {where}") for one in found.lines):
        found.lines.append(records)
    if counts.damaged:
        found.alarms.append(f"{where}: {counts.damaged} damaged frames came: their bytes are in kompas.rejected.v1")


def _refusals(life: Life, came: tuple[int, int], found: Found, *, caught_up: bool) -> None:
    """What a life says it refused, against what came in the topic of refusals."""
    if not life.totals or any(part.joined for part in life.parts.values()):
        return
    for what, name, got in zip(("messages refused", "readings refused"), ("rejected_messages", "rejected_readings"), came, strict=True):
        line = Line(TO_KAFKA, f"{life.gateway}/{life.life}", what, life.totals[name], got)
        if line.missing > 0 and (not caught_up or life.in_hand):
            found.waiting.append(f"{line.where}: {line.missing} {what} are on their way or come again")
        elif line.missing > 0 or (line.missing < 0 and life.ended and caught_up):
            found.lines.append(line)


def _worker_refusals(books: Books, found: Found, *, caught_up: bool) -> None:
    told = sum(each.counts.conflicts + each.counts.damaged for each in books.partitions)
    came = sum(sum(numbers) for (_, _, source), numbers in books.rejected.items() if source == "worker")
    line = Line(TO_REJECTED, "all partitions", "conflicts and damaged frames", told, came)
    if line.missing and caught_up:
        found.lines.append(line)
    elif line.missing:
        found.waiting.append(f"{abs(line.missing)} refusals of the worker are on their way")


def _stored(where: str, totals: Mapping[str, int]) -> Line:
    became = totals.get("readings", 0) + totals.get("late_duplicates", 0) + totals.get("late_conflicts", 0)
    return Line(WRITER, where, "rows: stored, late duplicates and late conflicts", totals.get("checked", 0), became)


def by_gateway(books: Books) -> dict[str, dict[str, int]]:
    """Sums over the lives of each gateway."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("lives", *MESSAGES, "arrived", "after_last_heartbeat", "repeated"), 0))
    for life in books.lives:
        sums = found[life.gateway]
        sums["lives"] += 1
        for name in MESSAGES:
            sums[name] += max(0, life.totals.get(name, 0))
        sums["arrived"] += sum(part.before + part.since for part in life.parts.values())
        sums["after_last_heartbeat"] += sum(part.since for part in life.parts.values())
        sums["repeated"] += sum(part.repeated for part in life.parts.values())
    return dict(sorted(found.items()))


def in_all(books: Books) -> list[Line]:
    """The equations summed over everything, whether or not they balance."""
    totals = [line for life in books.lives for line in _inside(life)]
    framed = [part for life in books.lives for part in life.parts.values()]
    arrived = Line(
        TO_KAFKA,
        "in all",
        "rows of frames arrived",
        sum(part.told - part.earlier + part.since for part in framed),
        sum(part.before + part.since for part in framed),
    )
    checked = _sum("rows: checked, duplicates and conflicts", WORKER, (_checked(each.counts) for each in books.partitions))
    stored = [_stored("", each) for each in books.writers.values()]
    names = ("messages: decoded and rejected", "readings: framed, rejected and repeated")
    inside = [_sum(name, GATEWAY, ((line.expected, line.got) for line in totals if line.what == name)) for name in names]
    last = _sum("rows: stored, late duplicates and late conflicts", WRITER, ((line.expected, line.got) for line in stored))
    return [*inside, arrived, checked, last]


def _checked(counts: Counts) -> tuple[int, int]:
    return counts.arrived, counts.checked + counts.duplicates + counts.conflicts


def _sum(what: str, hop: str, pairs: Iterable[tuple[int, int]]) -> Line:
    pairs = list(pairs)
    return Line(hop, "in all", what, sum(expected for expected, _ in pairs), sum(got for _, got in pairs))


def as_json(line: Line) -> dict[str, Any]:
    """A line as it is printed with --json."""
    return {**line._asdict(), "missing": line.missing}
