"""event: a concert lets out; traffic trebles for ten minutes, twice."""

from simulators.scenario import Event, Scenario

SCENARIO = Scenario(
    name="event",
    summary="Traffic times three for ten minutes, twice.",
    events=(Event(after_s=30.0, for_s=600.0, factor=3.0), Event(after_s=3_600.0, for_s=600.0, factor=3.0)),
)
