"""Live values of ordered aggregates show what the watermark has not passed; finals and states know nothing of it (rule 10)."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from catalog.kpi_value import KpiValue
from catalog.records import KpiDocument, SensorKind
from catalog.windows import window_of
from runtime.clock import iso_s
from runtime.frames import encode
from stream.combiner.partition import CombinerPartition
from stream.rows import MAGIC, TAIL, Rows, pack, unpack
from stream.worker.partials import Publisher, Record
from stream.worker.partition import WorkerPartition
from stream.worker.snapshot import dump, load
from tests.stream.city import MINUTE, SECOND, T0, catalogue_frame, coded, documents, heartbeat, kpi, readings_frame
from tests.stream.partials import census_frame, said
from tests.stream.test_worker_partition import gathered

HOLD = 40 * SECOND
"""max_hold_s of the tiny city."""
LIMIT = 400
DEVICES = {"air-0": ("air", "c.1.n1"), "air-1": ("air", "c.1.n1"), "air-2": ("air", "c.2.n1"), "noise-0": ("noise", "c.1.n1")}
AIR = [device for device, (kind, _) in DEVICES.items() if kind == "air"]
KPIS = [
    kpi("grown", "increase(total)", "minute", "1"),
    kpi("grown_hour", "increase(total)", "hour", "1"),
    kpi("held", "time_mean(pm2_5)", "minute", "ug/m3"),
    kpi("held_day", "time_mean(pm2_5)", "day", "ug/m3"),
    kpi("high", "percent(time_share(pm2_5, 40))", "quarter_hour", "%"),
    kpi("mean", "mean(pm2_5)", "minute", "ug/m3"),
    kpi("held_night", "time_mean(pm2_5, night)", "day", "ug/m3"),
]
QUANTITY = {"grown": "total", "grown_hour": "total", "held": "pm2_5", "held_day": "pm2_5", "high": "pm2_5"}
Reading = tuple[str, str, int, int]
"""Device, quantity, time, integer."""
Act = list[Reading] | tuple[str, str]
"""A frame of readings, or an entity and the id of what goes away."""


def seeds(quick: int, all_: int) -> list[Any]:
    """The first ones always, the others with --all."""
    return [*range(quick), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(quick, all_))]


def found(*, correcting: bool = False) -> list[tuple[str, str, Any]]:
    changed: list[tuple[str, str, Any]] = []
    for entity, id_, given in documents(KPIS, DEVICES):
        record: Any = given
        if isinstance(record, KpiDocument):
            record = msgspec.structs.replace(record, min_coverage=0.0)
        elif isinstance(record, SensorKind):
            record = msgspec.structs.replace(record, correcting=correcting)
        changed.append((entity, id_, record))
    return changed


class Small:
    """One worker of every device, and its city's combiner; `heard` says which rows this one hears."""

    def __init__(self, *, tails: bool = True, correcting: bool = False) -> None:
        self.worker = WorkerPartition(0)
        self.publisher = Publisher(self.worker)
        self.combiner = CombinerPartition(0, 1)
        self.tails = tails
        self.finals: list[KpiValue] = []
        self.lives: dict[tuple[str, str, str], KpiValue] = {}
        self.put(catalogue_frame(found(correcting=correcting)))

    def put(self, value: bytes) -> None:
        self.worker.apply(value, self.worker.offset + 1)

    def readings(self, rows: list[Reading], received_us: int = 0) -> None:
        scale = {"pm2_5": 0.1, "total": 1.0, "sound_level": 0.1}
        received_us = received_us or max(at for _, _, at, _ in rows)
        self.put(readings_frame([(device, q, at, received_us, value * scale[q]) for device, q, at, value in rows]))

    def act(self, act: Act) -> None:
        if isinstance(act, list):
            self.readings(act)
        else:
            self.put(gone(*act))

    def publish(self, *, only_brief: bool = False) -> list[Record]:
        records = self.publisher.take(everywhere=True, only_brief=only_brief)
        self.hear(records)
        while self.combiner.behind:  # the watermarks alone, as a worker says them once a second
            self.hear(self.publisher.take(everywhere=True, only_brief=only_brief))
        self.finals += self.combiner.take(0, live=False)
        for value in self.combiner.take(0, live=True):
            self.lives[value.kpi, value.area, value.window_start] = value
        assert self.combiner.problems() == []
        return records

    def hear(self, records: list[Record]) -> None:
        for record in records:
            self.combiner.apply(record.value if self.tails else without_tail(record.value), self.combiner.offset + 1)

    def restart(self) -> None:
        self.worker = load(0, dump(self.worker))
        self.publisher = Publisher(self.worker)
        self.combiner.restore(self.combiner.snapshot())


def gone(entity: str, id_: str) -> bytes:
    columns: dict[str, Any] = {"entity": coded([entity]), "id": [id_], "document": [None]}
    return encode({"schema": "readings/1", "kind": "catalogue", "seq": 2}, columns)


def without_tail(value: bytes) -> bytes:
    """The record as a worker without tails would have written it."""
    if value[:4] != MAGIC:
        return value
    says, rows = unpack(value)
    exact = np.array([not text.endswith(TAIL) for text in rows.aggregates] or [True])
    keep = np.flatnonzero(exact[rows.matrix[:, 0]])
    bins = {at: rows.bins[row] for at, row in enumerate(keep.tolist()) if row in rows.bins}
    return pack(says, Rows(rows.aggregates, rows.areas, np.ascontiguousarray(rows.matrix[keep]), bins))


def history(seed: int, *, going: bool = False) -> Iterator[Act]:
    """Four minutes, a frame every few seconds, shuffled within the lateness; meters fall now and then, some devices pause for long."""
    rng = Random(seed)
    counted, waiting = dict.fromkeys(DEVICES, 0), []
    rest = {device: rng.randint(0, 200) for device in DEVICES}
    goes = {rng.randint(20, 200): rng.choice([("device", "air-1"), ("device", "noise-0"), ("kpi", "grown_hour"), ("kpi", "held")]) for _ in range(3)}
    for second in range(3, 240):
        for device in DEVICES:
            if rng.random() > 0.2 or rest[device] < second < rest[device] + 60:
                continue
            at = T0 + second * SECOND + rng.randint(0, 9) * SECOND // 10
            counted[device] = 0 if rng.random() < 0.05 else counted[device] + rng.randint(0, 9)
            if DEVICES[device][0] == "noise":
                waiting.append((device, "sound_level", at, 600))
            else:
                waiting += [(device, "total", at, counted[device]), (device, "pm2_5", at, rng.randint(200, 600))]
        if second in goes and going:
            yield goes[second]
        if waiting and rng.random() < 0.3:
            now, later = [row for row in waiting if rng.random() < 0.8], []
            later = [row for row in waiting if row not in now and row[2] > T0 + (second - 10) * SECOND]
            rng.shuffle(now)
            waiting = later
            if now:
                yield now


class Expected(NamedTuple):
    value: float | None
    devices: int
    readings: int


def expected(id_: str, rows: list[Reading], window: tuple[int, int], devices: list[str]) -> Expected:
    """From the definition: all readings in order of time, durations up to each device's newest."""
    start, end = window
    counts = 0
    sums: list[Fraction] = []
    steps = 0
    for device in devices:
        mine = sorted((at, value) for name, quantity, at, value in rows if (name, quantity) == (device, QUANTITY[id_]))
        inside = [value for at, value in mine if start <= at < end]
        counts += len(inside)
        if QUANTITY[id_] == "total":
            changes = [b[1] - a[1] if b[1] >= a[1] else b[1] for a, b in pairwise(mine) if start <= b[0] < end]
            steps += len(changes)
            sums += [Fraction(sum(changes))] if inside else []
            continue
        total = time = 0
        for (at, value), (then, _) in pairwise(mine):
            lasts = max(0, min(at + HOLD, then, end) - max(at, start))
            total, time = total + shown(id_, value) * lasts, time + lasts
        if time:
            sums.append(Fraction(round(Fraction(total, time) * 2**50), 2**50))
        elif inside:
            sums.append(Fraction(shown(id_, inside[-1])))
    if QUANTITY[id_] == "total":
        return Expected(float(sum(sums)) if steps else None, len(sums), counts)
    worth = Fraction(100) if id_ == "high" else Fraction(1, 10)
    return Expected(float(sum(sums) / len(sums) * worth) if sums else None, len(sums), counts)


def shown(id_: str, value: int) -> int:
    return int(value >= LIMIT) if id_ == "high" else value


def window(id_: str, at_us: int) -> tuple[int, int]:
    return window_of(at_us, next(each.window for each in KPIS if each.id == id_), "Europe/Brussels")


@pytest.mark.parametrize("seed", seeds(3, 6))
def test_rule_10_live_values_show_what_waits_too(seed: int) -> None:
    """After each frame every live value is that of all readings so far, sorted; over restarts of worker and combiner, too."""
    small, rng, told, compared = Small(), Random(seed), list[Reading](), 0
    for act in history(seed):
        assert isinstance(act, list)
        small.act(act)
        told += act
        if rng.random() < 0.2:
            small.restart()
        small.publish()
        closed = {(final.kpi, final.area, final.window_start) for final in small.finals}
        for id_, quantity in QUANTITY.items():
            for start, end in {window(id_, at) for _, q, at, _ in told if q == quantity}:
                for area in ("c", "c.1", "c.1.n1", "c.2.n1"):
                    wanted = expected(id_, told, (start, end), [each for each in AIR if DEVICES[each][1].startswith(area)])
                    name = (id_, area, iso_s(start))
                    if name in closed or not wanted.devices:
                        continue
                    live = small.lives[name]
                    assert (live.devices, live.value) == (
                        wanted.devices,
                        pytest.approx(wanted.value, rel=1e-12) if wanted.value is not None else None,
                    )
                    compared += 1
    assert compared > 500


def test_rule_10_a_first_reading_shows_at_once_as_what_it_says() -> None:
    small = Small()
    small.readings([("air-0", "pm2_5", T0 + 5 * SECOND, 425), ("air-0", "total", T0 + 5 * SECOND, 7)])
    small.publish()
    values = {id_: small.lives[id_, "c.1.n1", iso_s(window(id_, T0)[0])] for id_ in QUANTITY}
    assert {id_: (value.value, value.devices) for id_, value in values.items()} == {
        "grown": (None, 1), "grown_hour": (None, 1), "held": (42.5, 1), "held_day": (42.5, 1), "high": (100.0, 1),
    }  # fmt: skip
    assert values["held"].coverage > 0
    small.readings([("air-0", "total", T0 + 6 * SECOND, 19)])
    small.publish()
    assert small.lives["grown", "c", iso_s(T0)].value == 12.0


@pytest.mark.parametrize("seed", seeds(5, 9))
def test_rule_10_finals_and_states_know_nothing_of_the_tail(seed: int) -> None:
    """Told often, told once, never told: the same finals and the same state, whatever goes away while readings wait."""
    often, once, never = Small(), Small(), Small(tails=False)
    rng, going = Random(seed), seed % 3 > 0
    acts = [*history(seed, going=going), *([("device", "air-0")] if seed % 3 > 1 else [])]
    cut = rng.randrange(len(acts))
    for n, act in enumerate(acts):
        for small in (often, once, never):
            small.act(act)
        if n == cut:
            often.restart()
            never.restart()
        if rng.random() < 0.6:
            brief = rng.random() < 0.5
            often.publish(only_brief=brief)
            never.publish(only_brief=brief)
    for beat in range(240, 400, 5):
        for small in (often, once, never):
            small.put(heartbeat(T0 + beat * SECOND))
    for small in (often, once, never):
        small.publish()
    assert dump(often.worker) == dump(once.worker) == dump(never.worker)
    assert often.finals == never.finals != []
    if not going:  # else it shows when the combiner heard of it
        assert texts(often) == texts(once) != []
    assert often.combiner.counts["after_close"] == never.combiner.counts["after_close"] == 0


def texts(small: Small) -> list[KpiValue]:
    """Finals with data, wherever they were computed."""
    said_ = (msgspec.structs.replace(each, epoch="") for each in small.finals if each.devices)
    return sorted(said_, key=lambda each: (each.kpi, each.area, each.window_start))


@pytest.mark.parametrize("correcting", [False, True])
@pytest.mark.parametrize("seed", seeds(3, 5))
def test_rule_10_what_was_told_bit_by_bit_is_what_would_be_told_anew(seed: int, correcting: bool) -> None:
    """Corrections take back what waited, devices go away: the rows a combiner has are those that a worker just restored would tell."""
    small, rng = Small(correcting=correcting), Random(seed)
    kept: dict[tuple[str, str, int], dict[str, Any]] = {}
    last: list[Reading] = []
    for act in history(seed, going=True):
        small.act(act)
        if isinstance(act, list):
            last = act
        if correcting and last and rng.random() < 0.5:
            device, quantity, at, _ = rng.choice(last)
            small.readings([(device, quantity, at, rng.choice([300, 9000 if quantity == "pm2_5" else 2 * 10**9]))])
        if rng.random() < 0.6:
            gathered(small.publish(only_brief=rng.random() < 0.5), kept)
    gathered(small.publish(), kept)
    anew: dict[tuple[str, str, int], dict[str, Any]] = {}
    small.restart()
    gathered(small.publish(), anew)
    passed = small.worker.state.passed_us("pm2_5")
    lanes = {name[0] for name in anew}
    open_ = {
        name: row
        for name, row in kept.items()
        if name[0].endswith(TAIL) and name[0] in lanes and row["devices"] and end_of(name) > passed  # closed ones are nobody's
    }
    assert open_ == {name: row for name, row in anew.items() if name[0].endswith(TAIL) and row["devices"]}
    assert open_


def test_rule_10_what_waits_is_taken_back_where_its_kind_has_no_device_left() -> None:
    """Its watermark goes on no more, so it never enters: neither a minute that only the tail knows nor one that was fed shows it."""
    small = Small()
    for device in ("air-1", "air-2"):
        small.act(("device", device))
    small.readings([("air-0", "pm2_5", T0 + 5 * SECOND, 300)])
    small.readings([("air-0", "pm2_5", T0 + 40 * SECOND, 300), ("air-0", "pm2_5", T0 + 65 * SECOND, 400)])
    small.publish()
    minutes = [iso_s(T0), iso_s(T0 + MINUTE)]
    assert [small.lives["held", "c", minute].coverage > 0 for minute in minutes] == [True, True]
    small.act(("device", "air-0"))
    small.publish()
    assert [small.lives["held", "c", minute].devices for minute in minutes] == [1, 0]


def end_of(name: tuple[str, str, int]) -> int:
    return window_of(name[2], name[0].removesuffix(TAIL).rpartition("@")[2], "Europe/Brussels")[1]  # type: ignore[arg-type]


def test_long_windows_wait_for_their_pace_and_all_is_told_again_on_demand() -> None:
    small = Small()
    small.readings([("air-0", "pm2_5", T0 + 5 * SECOND, 425)])

    def tails(records: list[Record]) -> set[str]:
        kept: dict[tuple[str, str, int], dict[str, Any]] = {}
        gathered(records, kept)
        return {name[0] for name in kept if name[0].endswith(TAIL)}

    brief, long = {"time_mean(pm2_5)@minute~"}, {"time_mean(pm2_5)@day~", "time_share(pm2_5,40)@quarter_hour~"}
    night = tails(small.publish(only_brief=True)) ^ brief
    assert night == set()
    assert tails(small.publish(only_brief=True)) == set()
    assert tails(small.publish()) - {"time_mean(pm2_5,night)@day~"} == long
    assert tails(small.publish()) == set()
    small.publisher.mark_all()
    assert tails(small.publish()) >= brief | long


def hand(offset: int, source: int, texts_: list[str], start_us: int, devices: int, marks: dict[str, int | None]) -> bytes:
    matrix = np.zeros((len(texts_), 11), np.int64)
    matrix[:, 0], matrix[:, 2], matrix[:, 3], matrix[:, 4], matrix[:, 5] = np.arange(len(texts_)), start_us, devices, devices, devices * 10**6
    return pack(said(source, offset, marks), Rows(texts_, ["c"], matrix, {}))


def combined(inputs: int) -> CombinerPartition:
    """A combiner that knows the tiny city."""
    combiner = CombinerPartition(0, inputs)
    worker = WorkerPartition(0)
    worker.apply(catalogue_frame(found()), 0)
    for n, record in enumerate(Publisher(worker).take(everywhere=True)):
        combiner.apply(record.value, n)
    for source in range(1, inputs):
        combiner.apply(census_frame(source, 0, {}, []), combiner.offset + 1)
    return combiner


def test_where_one_worker_tells_no_tail_the_area_shows_what_was_fed() -> None:
    combiner, key = combined(2), "time_mean(pm2_5)@minute"

    def devices(*records: bytes) -> int:
        for record in records:
            combiner.apply(record, combiner.offset + 1)
        (live,) = [each for each in combiner.take(0, live=True) if (each.kpi, each.area, each.window_start) == ("held", "c", iso_s(T0))]
        return live.devices

    marks: dict[str, int | None] = {"air": T0}
    assert devices(hand(1, 0, [key + TAIL], T0, 3, marks)) == 3  # nothing is fed yet
    assert devices(hand(1, 1, [key], T0, 5, marks)) == 5  # of an earlier release
    assert devices(hand(2, 0, [key, key + TAIL], T0, 4, marks)) == 9
    assert devices(hand(2, 1, [key + TAIL], T0, 6, marks)) == 10
    combiner.restore(combiner.snapshot())
    assert devices() == 10


@pytest.mark.parametrize(("text", "lost"), [("time_mean(pm2_5)@minute", 1), ("time_mean(pm2_5)@minute" + TAIL, 0)])
def test_a_tail_of_a_window_that_has_closed_is_no_loss(text: str, lost: int) -> None:
    combiner = combined(1)
    key = "time_mean(pm2_5)@minute"
    combiner.apply(hand(1, 0, [key, key + TAIL], T0, 3, {"air": T0, "noise": T0}), combiner.offset + 1)
    combiner.apply(hand(2, 0, [key, key + TAIL], T0, 3, {"air": T0 + 2 * MINUTE, "noise": T0 + 2 * MINUTE}), combiner.offset + 1)
    while combiner.behind:
        combiner.apply(hand(2, 0, [], T0, 0, {"air": T0 + 2 * MINUTE, "noise": T0 + 2 * MINUTE}), combiner.offset + 1)
    combiner.take(0, live=True)
    assert combiner._state.panes.starts(combiner._state.panes.key_slot[key + TAIL]) == []
    combiner.apply(hand(3, 0, [text], T0, 3, {"air": T0 + 2 * MINUTE, "noise": T0 + 2 * MINUTE}), combiner.offset + 1)
    assert combiner.counts["after_close"] == lost
