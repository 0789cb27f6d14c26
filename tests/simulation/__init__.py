"""The worker's shell, the writer's decisions and their steps, driven by a seed on a hand-set clock and an in-memory Kafka."""
