"""Settings of the writer: the database's, and how it shares and batches its work."""

from typing import Annotated

from msgspec import Meta

from runtime.settings import DatabaseSettings


class WriterSettings(DatabaseSettings, frozen=True, kw_only=True):
    """What `python -m storage` needs; partition p belongs to writer p % writers."""

    writers: Annotated[int, Meta(ge=1, le=12, description="How many writers share the partitions.")] = 1
    batch_rows: Annotated[int, Meta(ge=100, le=1_000_000, description="Readings after which a transaction is closed.")] = 50_000
    batch_wait_ms: Annotated[int, Meta(ge=1, le=1_000, description="How long the first record of a transaction waits for company.")] = 50
