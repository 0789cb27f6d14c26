"""Kafka to Kafka: a thin Faust shell around pure steps."""
