"""Assets the slow way: every second of the period is asked."""


def seconds_down(outages: list[tuple[int | None, int | None]], period: int) -> list[bool]:
    """Whole seconds only: down[s] where some outage covers second s."""
    return [any((0 if a is None else a) <= s < (period if b is None else b) for a, b in outages) for s in range(period)]


def failures(down: list[bool]) -> int:
    return sum(now and not before for before, now in zip([False, *down], down, strict=False))


def share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole is not None and whole > 0 else None
