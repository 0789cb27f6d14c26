"""The small builder: plain functions that return classic Grafana JSON as dicts."""
