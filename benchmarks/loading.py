"""A load phase: the simulator at a rate, probes beside it, and what the system made of both.

Promises  Readings are counted from the sender's own report to the database's rows; nothing that was sent is left out of `lost`.
          Rates, slopes, CPU seconds and latencies are of the steady part: after the warm-up, before the sender ends.
Leaves    What is wanted to benchmarks.verdicts.
"""

import math
import time
from typing import Any, NamedTuple

import msgspec

from benchmarks import figures, limits
from benchmarks.system import Bench, await_stored
from benchmarks.watch import Sample, Watch, cpu_of, look
from local.child import tail
from local.errors import MachineError
from tests.servers import Running

_LEAD_S = 1.0
"""The sender goes on for this long after the steady part."""
_DRAIN_S = 60.0


class Order(NamedTuple):
    """One load: readings a second, readings a message, seconds of warm-up and of measuring."""

    name: str
    rate: float
    pack: int
    warm_s: float
    steady_s: float
    probes: bool = True


class Latency(msgspec.Struct, frozen=True):
    """Seconds; `missing` were not seen within the probe's patience and count as slower than any."""

    p50_s: float
    p99_s: float
    longest_s: float
    count: int
    missing: int


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a load came to."""

    name: str
    wanted_readings_per_s: float
    readings_per_message: int
    steady_s: float
    sent: int
    """Readings in messages that were handed to the broker, the probes' included."""
    stored: int
    rejected: int
    duplicates: int
    """Readings that came twice and were dropped, as QoS 1 may repeat."""
    lost: int
    sent_per_s: float
    stored_per_s: float
    backlog_slope_per_s: float
    backlog_slope_error_per_s: float
    backlog_end: float
    sustained: bool
    sender_behind_ms_p99: float
    to_kpi: Latency
    to_row: Latency
    cpu_s_per_million: dict[str, float]
    cores_used: float
    gateway_messages_per_cpu_s: float
    worker_readings_per_cpu_s: float
    kpi_values_per_s: float
    begin: dict[int, int] = {}
    """Offsets of the readings topic at the beginning of the steady part, and at its end."""
    end: dict[int, int] = {}


class _Steady(NamedTuple):
    """What was seen at the edges of the steady part and within."""

    began: tuple[Sample, dict[str, float]]
    ended: tuple[Sample, dict[str, float]]
    samples: list[Sample]
    offsets: tuple[limits.Offsets, limits.Offsets]


def lines(running: Running) -> list[dict[str, Any]]:
    """What a child has printed so far, as JSON objects; other lines are passed over."""
    text = running.log.read_text(encoding="utf-8", errors="replace") if running.log.exists() else ""
    return [msgspec.json.decode(line) for line in text.split("\n")[:-1] if line.startswith("{") and '"event":' not in line]


def await_line(running: Running, field: str, within_s: float) -> dict[str, Any]:
    """The first line with a field; MachineError where the child ends without it or takes too long."""
    until_s = time.monotonic() + within_s
    while True:
        code = running.child.returncode
        found = [line for line in lines(running) if field in line]
        if found:
            return found[0]
        if code is not None or time.monotonic() > until_s:
            raise MachineError(f"{running.log.name} printed no {field} (ended with {code}):\n    {tail(running.log)}", f"read {running.log}")
        time.sleep(0.05)


def load(bench: Bench, order: Order) -> Loaded:
    """Run one load to its end, until everything is stored."""
    before = look(bench)
    seconds = order.warm_s + order.steady_s + _LEAD_S
    sender = bench.child("benchmarks.load", str(order.rate), str(order.pack), str(seconds), "1")
    probe = None
    if order.probes:
        path = bench.folder / "targets.json"
        path.write_bytes(msgspec.json.encode(bench.targets))
        probe = bench.child("benchmarks.probe", str(seconds + 2.0), str(path))
    began_s = float(await_line(sender, "start_s", 60.0)["start_s"])
    span_s = (began_s + order.warm_s, began_s + order.warm_s + order.steady_s)
    steady = _steady(bench, {"load": sender.pid} | ({"probe": probe.pid} if probe else {}), span_s)
    report = await_line(sender, "report", seconds + 60.0)["report"]
    shots = await_line(probe, "shots", 60.0)["shots"] if probe else []
    taken = bench.counters("writer").get("kompas_writer_rows_total", 0.0) - before.of("writer", "kompas_writer_rows_total")
    sent = report["readings"] + len(shots)
    if taken < sent:
        await_stored(bench, before.of("writer", "kompas_writer_rows_total") + sent, _DRAIN_S)
    return _loaded(order, report, shots, steady, (before, look(bench), lines(sender)))


def _steady(bench: Bench, children: dict[str, int], span_s: tuple[float, float]) -> _Steady:
    """Look from one moment of the wall clock to another; raises MachineError where the first is over already."""
    pids = bench.pids() | children
    offsets = limits.ends(bench)
    if time.time() > span_s[0] + 1.0:
        raise MachineError("the load was steady before it could be looked at", "the machine is busy with something else: try again later")
    time.sleep(max(span_s[0] - time.time(), 0.0))
    began = (look(bench), cpu_of(pids))
    with Watch(bench) as watch:
        time.sleep(max(span_s[1] - time.time(), 0.0))
    ended = (look(bench), cpu_of(pids))
    return _Steady(began, ended, watch.samples, (offsets, limits.ends(bench)))


def _loaded(order: Order, report: dict[str, Any], shots: list[dict[str, Any]], steady: _Steady, around: tuple[Sample, Sample, Any]) -> Loaded:
    before, after, said = around
    sent = int(report["readings"]) + len(shots)
    grown = {name: after.of(*name) - before.of(*name) for name in _NAMES}
    stored, rejected = int(grown[_STORED]), int(grown[_REJECTED] + grown[_REFUSED])
    (first, cpu_before), (last, cpu_after) = steady.began, steady.ended
    cpu = {name: cpu_after[name] - used for name, used in cpu_before.items()}
    read, messages, values = (last.of(*name) - first.of(*name) for name in (_TAKEN, _MESSAGES, _VALUES))
    took_s = last.at_s - first.at_s
    inside = [shot for shot in shots if first.at_s <= shot["at_s"] <= last.at_s]
    return Loaded(
        name=order.name,
        wanted_readings_per_s=order.rate,
        readings_per_message=order.pack,
        steady_s=took_s,
        sent=sent,
        stored=stored,
        rejected=rejected,
        duplicates=int(grown[_DOUBLED] + grown[_TAKEN] - grown[_STORED] - grown[_REFUSED]),
        lost=sent - stored - rejected,
        sender_behind_ms_p99=report["behind_ms_p99"],
        to_kpi=latency([shot["kpi_s"] for shot in inside]),
        to_row=latency([shot["row_s"] for shot in inside]),
        cpu_s_per_million={name: figures.per(used * 1e6, read) for name, used in cpu.items()},
        cores_used=sum(cpu.values()) / took_s,
        gateway_messages_per_cpu_s=figures.per(messages, cpu["gateway"]),
        worker_readings_per_cpu_s=figures.per(read, cpu["worker"]),
        kpi_values_per_s=values / took_s,
        begin=steady.offsets[0],
        end=steady.offsets[1],
        **_rates(order, steady.samples, before, [line for line in said if "sent" in line], report["readings"] / max(report["messages"], 1)),
    )


def _rates(order: Order, samples: list[Sample], before: Sample, progress: list[dict[str, Any]], per_message: float) -> dict[str, Any]:
    """What the samples say: how fast it was sent and stored, and whether what lies between grew."""
    moments = [sample.at_s for sample in samples]
    handed = [n * per_message for n in figures.between([p["at_s"] for p in progress], [p["sent"] for p in progress], moments)]
    in_table = [sample.of(*_STORED) - before.of(*_STORED) for sample in samples]
    backlog = [sent - stored for sent, stored in zip(handed, in_table, strict=True)]
    rate, fit = figures.slope(moments, handed), figures.slope(moments, backlog)
    return {
        "sent_per_s": rate.per_s,
        "stored_per_s": figures.slope(moments, in_table).per_s,
        "backlog_slope_per_s": fit.per_s,
        "backlog_slope_error_per_s": fit.error_per_s,
        "backlog_end": backlog[-1] if backlog else math.nan,
        "sustained": figures.sustained(fit, order.rate) and rate.per_s > (1 - 2 * figures.NEGLIGIBLE) * order.rate,
    }


def latency(seconds: list[float | None]) -> Latency:
    """Percentiles over all shots; one that was not seen is infinitely late."""
    seen = figures.spread(math.inf if each is None else each for each in seconds)
    return Latency(seen.p50, seen.p99, max((each for each in seconds if each is not None), default=math.nan), len(seconds), seconds.count(None))


_STORED = ("writer", "kompas_writer_rows_total")
_TAKEN = ("worker", "kompas_worker_readings_total")
_REFUSED = ("worker", "kompas_worker_refused_total")
_REJECTED = ("gateway", "kompas_gateway_rejected_total")
_DOUBLED = ("gateway", "kompas_gateway_duplicates_total")
_MESSAGES = ("gateway", "kompas_gateway_messages_total")
_VALUES = ("worker", "kompas_combiner_values_total")
_NAMES = (_STORED, _TAKEN, _REFUSED, _REJECTED, _DOUBLED)
