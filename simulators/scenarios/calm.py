"""calm: a quiet day in which every device works."""

from simulators.scenario import Scenario

SCENARIO = Scenario(name="calm", summary="Every device works; half the usual traffic.", traffic=0.5)
