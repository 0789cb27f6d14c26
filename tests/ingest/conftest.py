"""Generated data on a machine that does other things, too: no deadline per example, no verdict on the speed of drawing."""

from hypothesis import HealthCheck, settings

settings.register_profile("kompas", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kompas")
