"""The gateway: what devices say over MQTT, as frames on Kafka; what cannot be read, as rejected records."""
