"""From the processes' /metrics to what the live view shows: rates, quantiles, rejections. Pure, but for `sample`.

Promises  A rate is a difference of two counters by their difference in time; after a restart (a counter that fell) it starts anew.
          A quantile is that of the values observed between two samples, exact to the histogram's buckets.
Leaves    Drawing to view.py.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from local import pages

Counters = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]
"""Value by sample name and sorted labels, as on /metrics."""


class Sample(NamedTuple):
    """What all processes said at one moment."""

    at_s: float
    counters: Mapping[str, Counters]
    """By process; a process that did not answer is absent."""


def sample(health_ports: Mapping[str, int], at_s: float) -> Sample:
    """Ask every process for /metrics."""
    answers = {name: pages.get(port, "/metrics") for name, port in health_ports.items()}
    return Sample(at_s, {name: parse(page.body) for name, page in answers.items() if page.status == 200})


def parse(text: str) -> Counters:
    """Prometheus' text format to values."""
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for family in text_string_to_metric_families(text) for each in family.samples}


def total(of: Sample, process: str, name: str) -> float | None:
    """Sum of a counter over its labels; None where the process did not answer or does not have it."""
    found = [value for (each, _), value in of.counters.get(process, {}).items() if each == name]
    return math.fsum(found) if found else None


def by_label(of: Sample, process: str, name: str, label: str) -> dict[str, float]:
    """Values of a counter by one label, largest first."""
    sums: dict[str, float] = {}
    for (each, labels), value in of.counters.get(process, {}).items():
        if each == name:
            key = dict(labels).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def rate(before: Sample, after: Sample, process: str, name: str) -> float | None:
    """Growth of a counter per second."""
    old, new = total(before, process, name), total(after, process, name)
    elapsed_s = after.at_s - before.at_s
    if new is None or elapsed_s <= 0:
        return None
    grown = new - old if old is not None and new >= old else new
    return grown / elapsed_s


def quantile(before: Sample, after: Sample, process: str, name: str, share: float) -> float | None:
    """A quantile of what a histogram observed between two samples, in its unit; None where it observed nothing.

    Within a bucket values are taken as spread evenly; above the last finite bound, that bound is the answer.
    """
    buckets = sorted(_buckets(after, process, name).items())
    old = _buckets(before, process, name)
    counts = [(bound, count - old.get(bound, 0.0)) for bound, count in buckets]
    if counts and any(count < 0 for _, count in counts):
        counts = buckets
    if not counts or counts[-1][1] <= 0:
        return None
    wanted = share * counts[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted and count > below:
            if math.isinf(bound):
                return lower
            return min(bound, lower + (bound - lower) * (wanted - below) / (count - below))  # rounding may pass the bound by one place
        lower, below = bound, count
    return lower


def _buckets(of: Sample, process: str, name: str) -> dict[float, float]:
    """Cumulative counts by upper bound, summed over the other labels."""
    found: dict[float, float] = {}
    for (each, labels), value in of.counters.get(process, {}).items():
        if each == f"{name}_bucket":
            bound = float(dict(labels)["le"])
            found[bound] = found.get(bound, 0.0) + value
    return found
