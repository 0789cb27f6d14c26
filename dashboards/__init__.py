"""Grafana as code: boards, their texts and their SQL, built from the catalogue."""
