"""Which fault happens when: a pure function of seed, length and list.

Promises  Every fault of the list happens at least once, in an order drawn from the seed; all of them end early enough for the rest of
          the load to show that the system came back. A worker is removed after it was added, and the list begins again only when it is through.
Leaves    Doing it to faults.py.
"""

from random import Random
from typing import Literal, NamedTuple

from runtime.errors import ConfigError

Kind = Literal["kill", "pause", "add", "remove", "fill"]
Verb = Literal["kill", "stop", "continue", "away", "return", "add", "remove", "terminate", "fill", "free"]
EXTRA = "worker-1"
"""The worker that comes and goes."""


class Fault(NamedTuple):
    """`victim` is a process, a server or a disk; a pause, a full disk and a backlog before a kill last duration_s."""

    at_s: float
    kind: Kind
    victim: str
    duration_s: float = 0.0

    @property
    def name(self) -> str:
        """As reports call it."""
        return f"{self.kind} {self.victim}"


class Step(NamedTuple):
    """One thing to do at a time."""

    at_s: float
    verb: Verb
    victim: str


SHORT: tuple[tuple[Kind, str], ...] = (
    ("kill", "gateway"),
    ("kill", "worker"),
    ("kill", "writer"),
    ("kill", "kafka"),
    ("pause", "worker"),
    ("add", EXTRA),
    ("remove", EXTRA),
)
FULL: tuple[tuple[Kind, str], ...] = (
    *SHORT,
    ("kill", "restater"),
    ("kill", "postgres"),
    ("kill", "mosquitto"),
    ("pause", "gateway"),
    ("pause", "writer"),
    ("pause", "restater"),
    ("fill", "kafka"),
    ("fill", "postgres"),
)
LEAD_S, TAIL_S = 4.0, 8.0
LEAST_GAP_S, USUAL_GAP_S = 5.5, 14.0
_LATE: tuple[Kind, str] = ("kill", "mosquitto")
SAVED_S = 45.0
"""Mosquitto is killed only after its first autosave, or it would forget that the gateway has a session."""
FULL_DISK_S = (6.0, 10.0)
BACKLOG_S = (4.0, 7.0)
_RESTART_S = 1.5
BEYOND_SESSION_S = (2.0, 4.0)


def least_s(faults: tuple[tuple[Kind, str], ...]) -> float:
    """How long a run must be for this list."""
    saved_s = SAVED_S + LEAST_GAP_S if _LATE in faults else 0.0
    return max(LEAD_S + LEAST_GAP_S * len(faults), saved_s) + TAIL_S


def plan(seed: int, seconds: float, session_s: float, faults: tuple[tuple[Kind, str], ...] = FULL) -> list[Fault]:
    """Faults in order of time; raises ConfigError where the run is too short for the list."""
    if seconds < least_s(faults):
        raise ConfigError("chaos: length of the run", f"at least {least_s(faults):g} s for {len(faults)} faults", seconds)
    if not faults:
        return []
    rng = Random(seed)  # noqa: S311 - it draws faults, no secrets
    room_s = seconds - LEAD_S - TAIL_S
    rounds = max(1, int(room_s / (USUAL_GAP_S * len(faults))))
    drawn = [each for _ in range(rounds) for each in _order(rng, faults)]
    gap_s = room_s / len(drawn)
    found = []
    for place, (kind, victim) in enumerate(_late_enough(drawn, gap_s)):
        at_s = LEAD_S + gap_s * (place + rng.uniform(0.0, 0.4))
        if (kind, victim) == _LATE:
            at_s = max(at_s, SAVED_S)  # moves only where it comes last
        found.append(Fault(round(at_s, 2), kind, victim, round(_duration_s(rng, (kind, victim), session_s), 2)))
    return found


def steps(fault: Fault, rng: Random) -> list[Step]:
    """What is done for one fault; Mosquitto dies with a backlog, which stands while the gateway is stopped or away."""
    at_s, end_s = fault.at_s, fault.at_s + fault.duration_s
    match fault.kind, fault.victim:
        case "kill", "mosquitto":
            away, back = rng.choice((("stop", "continue"), ("away", "return")))
            return [Step(at_s, away, "gateway"), Step(end_s, "kill", "mosquitto"), Step(end_s + _RESTART_S, back, "gateway")]  # type: ignore[arg-type]
        case "pause", victim:
            return [Step(at_s, "stop", victim), Step(end_s, "continue", victim)]
        case "fill", disk:
            return [Step(at_s, "fill", disk), Step(end_s, "free", disk)]
        case "remove", victim:
            return [Step(at_s, rng.choice(["remove", "terminate"]), victim)]
        case "add", victim:
            return [Step(at_s, "add", victim)]
    return [Step(at_s, "kill", fault.victim)]


def _order(rng: Random, faults: tuple[tuple[Kind, str], ...]) -> list[tuple[Kind, str]]:
    """A shuffled list in which the worker goes after it came."""
    drawn = rng.sample(faults, len(faults))
    places = sorted(place for place, (_, victim) in enumerate(drawn) if victim == EXTRA)
    for place, kind in zip(places, ("add", "remove"), strict=False):
        drawn[place] = (kind, EXTRA)  # type: ignore[assignment]
    return drawn


def _late_enough(drawn: list[tuple[Kind, str]], gap_s: float) -> list[tuple[Kind, str]]:
    """Mosquitto's turns before it has saved put off to after that, or to the end."""
    first = int(-(-(SAVED_S - LEAD_S) // gap_s))
    free = [place for place in range(min(first, len(drawn) - 1), len(drawn)) if drawn[place][1] != EXTRA and drawn[place] != _LATE]
    for place, each in enumerate(drawn[:first]):
        if each == _LATE and free and place < free[0]:
            later = free.pop(0)
            drawn[place], drawn[later] = drawn[later], drawn[place]
    return drawn


def _duration_s(rng: Random, fault: tuple[Kind, str], session_s: float) -> float:
    match fault:
        case "kill", "mosquitto":
            return rng.uniform(*BACKLOG_S)
        case "pause", _:
            return session_s + rng.uniform(*BEYOND_SESSION_S)
        case "fill", _:
            return rng.uniform(*FULL_DISK_S)
    return 0.0
