"""Settings of the worker."""

from typing import Annotated

from msgspec import Meta

from runtime.settings import Settings


class WorkerSettings(Settings, frozen=True, kw_only=True):
    """What the worker needs besides Kafka."""

    session_s: Annotated[float, Meta(ge=1.0, description="A worker that the group has not heard for so long loses its partitions, in s.")] = 15.0
