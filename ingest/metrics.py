"""What the gateway counts, per batch."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter("kompas_gateway_messages_total", "MQTT messages taken in.")
READINGS = Counter("kompas_gateway_readings_total", "Readings put into frames.")
REJECTED = Counter("kompas_gateway_rejected_total", "Messages and readings refused.", ["reason"])
DUPLICATES = Counter("kompas_gateway_duplicates_total", "Readings that repeat another one of the same message.")
FRAMES = Counter("kompas_gateway_frames_total", "Frames of readings handed to Kafka.")
FRAME_ROWS = Histogram("kompas_gateway_frame_rows", "Readings per frame.", buckets=(1, 5, 20, 50, 100, 200, 500, 1_000, 2_000, 4_000))
UNACKNOWLEDGED = Gauge("kompas_gateway_unacknowledged", "MQTT messages not yet acknowledged.")
KAFKA_LAG = Gauge("kompas_gateway_kafka_lag_seconds", "Age of the oldest record that Kafka has not confirmed.")
KAFKA_BACKLOG = Gauge("kompas_gateway_kafka_backlog_bytes", "Bytes that Kafka has not confirmed.")
FRAME_WAIT = Gauge("kompas_gateway_frame_wait_seconds", "How long a frame may wait at the load of the last second.")
CONNECTIONS = Counter("kompas_gateway_mqtt_connections_total", "MQTT connections made.")
SESSIONS_LOST = Counter("kompas_gateway_mqtt_sessions_lost_total", "Connections for which the broker had no session left.")
PRODUCERS = Counter("kompas_gateway_kafka_producers_total", "Kafka producers made; more than one means records were sent again.")
DEFECTS = Counter("kompas_gateway_decoder_defects_total", "Messages at which a decoder failed in a way that it should not.")
