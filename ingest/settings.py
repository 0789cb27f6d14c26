"""Settings of the gateway, from KOMPAS_* variables."""

from typing import Annotated

from msgspec import Meta

from runtime.settings import MqttSettings


class GatewaySettings(MqttSettings, frozen=True, kw_only=True):
    """What `python -m ingest` needs."""

    mqtt_user: Annotated[str, Meta(description="MQTT user name; it reads city/#.")] = "gateway"
    receive_maximum: Annotated[int, Meta(ge=1, le=65_535, description="MQTT messages held unacknowledged while Kafka confirms.")] = 10_000
    session_expiry_s: Annotated[int, Meta(ge=0, description="How long the broker keeps this gateway's session while it is away, seconds.")] = 86_400
    largest_message_bytes: Annotated[int, Meta(ge=1, description="A longer payload is rejected as too large.")] = 256 << 10
    largest_backlog_bytes: Annotated[int, Meta(ge=1 << 20, description="Bytes held for Kafka, and as many from MQTT.")] = 64 << 20
    frame_rows: Annotated[int, Meta(ge=1, le=100_000, description="Readings at which a frame closes.")] = 4_000
    position_margin_degrees: Annotated[float, Meta(ge=0, description="How far outside its city's box a position may be.")] = 0.5
    shared: Annotated[bool, Meta(description="True where several gateways divide the messages; see docs/decisions/0006-gateway-mqtt.md.")] = False
