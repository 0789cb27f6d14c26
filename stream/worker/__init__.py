"""The worker's steps for one partition of kompas.readings.v1."""
