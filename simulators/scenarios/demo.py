"""demo: an ordinary city in which a little goes wrong, as `./kompas up` plays it."""

from simulators.scenario import Faults, Scenario

SCENARIO = Scenario(
    name="demo",
    summary="The clock's own rhythm; about one message in five hundred has a fault.",
    faults=Faults(
        missing=0.002,
        late=0.0005,
        duplicated=0.001,
        out_of_order=0.001,
        wrong_clock=0.0002,
        malformed=0.0005,
        spike=0.0005,
        stuck=0.002,
        drifting=0.002,
    ),
)
