"""Settings of the restater: the database's and Kafka's, and how much it takes at a time."""

from typing import Annotated

from msgspec import Meta

from runtime.settings import DatabaseSettings


class RestaterSettings(DatabaseSettings, frozen=True, kw_only=True):
    """What `python -m restate` needs."""

    due_marks: Annotated[int, Meta(ge=1, le=100_000, description="Marks that are looked up at a time.")] = 500
    look_every_ms: Annotated[int, Meta(ge=10, le=60_000, description="How often it looks for work where it had none.")] = 500
