"""faulty: everything that can go wrong with a device does, often enough to count."""

from simulators.scenario import Faults, Scenario

SCENARIO = Scenario(
    name="faulty",
    summary="Each fault at one to five per cent.",
    faults=Faults(
        missing=0.03,
        late=0.01,
        duplicated=0.03,
        out_of_order=0.03,
        wrong_clock=0.01,
        malformed=0.02,
        spike=0.02,
        stuck=0.05,
        drifting=0.05,
    ),
)
