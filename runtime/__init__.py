"""Process concerns: settings, clock, errors, logs, health, Kafka clients, frames."""
