"""rush_hour: half past eight on a working day, whatever the clock says."""

from simulators.scenario import Event, Scenario

SCENARIO = Scenario(
    name="rush_hour",
    summary="Half past eight all the time, and a burst of traffic every run.",
    traffic=1.1,
    at_hour=8.5,
    events=(Event(after_s=60.0, for_s=180.0, factor=1.4),),
)
