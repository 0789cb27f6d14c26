"""outage: a third of the devices falls silent for two minutes in every ten."""

from simulators.scenario import Outage, Scenario

SCENARIO = Scenario(
    name="outage",
    summary="A third of the devices is silent for two minutes in every ten.",
    outages=(Outage(after_s=60.0, for_s=120.0, share=0.33, every_s=600.0),),
)
