"""Faust, Kafka and clocks around the pure steps."""
