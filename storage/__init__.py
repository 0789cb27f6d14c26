"""From Kafka to TimescaleDB: migrations, registry, the writer, and named read queries."""
