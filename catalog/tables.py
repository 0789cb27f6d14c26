"""Tables and views of the database, declared once: name, what stands in it, and its columns.

Promises  Every query takes its table names from here; storage/migrations creates exactly these columns, in this order.
Leaves    Types, keys and rights to storage/migrations/*.sql, which is the truth about them.
"""

from typing import NamedTuple

_KPI_FIELDS = (
    "kpi", "version", "area", "window_start", "window_end", "value", "state", "band", "unit",
    "coverage", "devices", "revision", "status", "reason", "epoch", "computed_at",
)  # fmt: skip
_NAMES = ("name_en", "name_fr", "name_nl")


class Table(NamedTuple):
    """One table or view; `hypertable` is the time column where TimescaleDB cuts it into chunks."""

    name: str
    holds: str
    columns: tuple[str, ...]
    hypertable: str | None = None
    view: bool = False


CITY = Table("city", "cities that ever ran", ("id", *_NAMES, "time_zone", "languages", "west", "south", "east", "north"))
AREA = Table(
    "area",
    "neighbourhoods, districts and cities",
    ("id", "city", "level", "parent", *_NAMES, "population", "latitude", "longitude", "boundary"),
)
QUANTITY = Table("quantity", "what is measured", ("no", "id", "unit", "resolution", *_NAMES))
SENSOR_KIND = Table("sensor_kind", "kinds of device", ("id", *_NAMES, "cadence_s", "retention_days", "correcting", "document"))
DEVICE = Table(
    "device",
    "devices, one row per span in which kind, area and cadence held",
    ("no", "id", "city", "kind", "area", "latitude", "longitude", "manual", "cadence_s", "valid_from", "valid_to", "registered_at", "owner"),
)
KPI = Table(
    "kpi",
    "KPI definitions, every version that ever ran",
    (
        "id", "version", *_NAMES, "unit", "formula", "window", "better", "bands", "document", "hash",
        "live_from", "target", "target_by", "retired_at",
    ),
)  # fmt: skip
MEASURED = ("device", "quantity", "measured_at", "received_at", "value", "quality")
"""What every reading has; a position only those of devices that say where they are."""
READING = Table("reading", "every accepted reading", (*MEASURED, "latitude", "longitude"), "measured_at")
READING_NAMED = Table(
    "reading_named",
    "readings with ids in words and the area valid when measured",
    ("device", "quantity", "measured_at", "received_at", "value", "quality", "unit", "city", "kind", "area", "latitude", "longitude"),
    view=True,
)
DEVICE_CURRENT = Table("device_current", "the newest span of every device", DEVICE.columns, view=True)
KPI_VALUE = Table("kpi_value", "final and restated values, the newest revision of each window", (*_KPI_FIELDS, "stored_at"), "window_start")
KPI_LATEST = Table("kpi_latest", "the live value (slot open) and the newest settled one (slot last)", ("slot", *_KPI_FIELDS, "stored_at"))
KPI_REVISION = Table("kpi_revision", "what a newer revision superseded", (*_KPI_FIELDS, "stored_at", "superseded_at"))
KPI_OUTBOX = Table("kpi_outbox", "restated values that Kafka does not have yet", ("no", "key", "document", "made_at"))
DIRTY_WINDOW = Table(
    "dirty_window",
    "windows whose settled value no longer follows from the stored readings",
    ("kpi", "version", "area", "window_start", "window_end", "reason", "marked_at"),
)
KPI_RESTATED = Table(
    "kpi_restated",
    "the newest restated value of a window until the writer has stored it",
    ("kpi", "version", "area", "window_start", "revision", "value", "state", "coverage", "devices"),
)
LATE_END = Table("late_end", "late readings of a counter that no later one follows yet", ("device", "quantity", "measured_at"))
QUALITY_INBOX = Table("quality_inbox", "times of which readings came, for the tests of closed quarter-hours", ("kind", "earliest", "latest"))
QUALITY_DUE = Table("quality_due", "quarter-hours that have to be tested", ("kind", "quarter_start", "ready_at"))
QUALITY_WORD = Table(
    "quality_word",
    "what a test says of a device's readings from one time to another",
    ("kind", "device", "quantity", "test", "starts", "ends", "flag", "readings", "tested_at"),
)
QUALITY_SPAN = Table(
    "quality_span",
    "flags set by hand, cleared ones too",
    (
        "no", "device", "quantity", "starts", "ends", "flag", "why", "set_by", "set_at", "pending", "applied_at", "readings", "cleared_at",
        "cleared_by",
    ),
)  # fmt: skip
FLAG_END = Table("flag_end", "readings of a counter whose flag changed and that no later one follows yet", ("device", "quantity", "measured_at"))
READING_CONFLICT = Table(
    "reading_conflict",
    "late readings that contradict a stored one",
    (*MEASURED, "partition", "input_offset", "stored_value"),
)
STREAM_OFFSET = Table("stream_offset", "how far each topic is stored", ("topic", "partition", "next_offset", "log_offset", "cluster_id"))
WATERMARK = Table("watermark", "event time that each partition has passed, per kind", ("partition", "kind", "watermark"))
STORED_TOTAL = Table("stored_total", "what was stored ever, exact, by writer", ("writer", "name", "total"))
REJECTED_COUNT = Table("rejected_count", "what was refused, by city, reason and hour", ("city", "reason", "hour", "messages", "readings"))
REPEAT_COUNT = Table(
    "repeat_count", "readings dropped or refused as repeats, by device and hour of receipt", ("device", "hour", "duplicates", "conflicts")
)
_ARRIVALS = ("readings", "good", "suspect", "late", "gateway_time", "duplicates", "conflicts")
DEVICE_ARRIVALS = Table(
    "device_arrivals",
    "what each device sent in the last hour, by verdict and cause",
    ("device", "city", "kind", "area", "owner", *_ARRIVALS),
    view=True,
)
OWNER_ARRIVALS = Table("owner_arrivals", "the same per owner, city and kind", ("owner", "city", "kind", "devices", "silent", *_ARRIVALS), view=True)
LEDGER_GATEWAY = Table(
    "ledger_gateway",
    "the newest running totals of each gateway's life",
    (
        "gateway", "life", "began_at", "clock", "ended", "delivered", "decoded", "rejected_messages", "readings", "rejected_readings",
        "duplicates", "framed", "confirmed", "kept_at",
    ),
)  # fmt: skip
LEDGER_FRAMES = Table(
    "ledger_frames",
    "which frames of a gateway's life came in a partition, and what its heartbeats claim",
    (
        "gateway", "life", "partition", "next_seq", "holes", "told_seq", "told", "before", "since", "repeated", "earlier", "confirmed_seq",
        "joined", "ended", "clock_us", "kept_at",
    ),
)  # fmt: skip
LEDGER_PARTITION = Table(
    "ledger_partition",
    "what came in each partition and what the worker made of it",
    (
        "partition", "began", "log_began", "records", "log_records", "heartbeats", "damaged", "arrived", "unowned", "checked", "duplicates",
        "conflicts", "late", "first_clock_us", "clock_us",
    ),
)  # fmt: skip
LEDGER_REJECTED = Table("ledger_rejected", "refusals that came, by who refused", ("gateway", "life", "source", "messages", "readings", "kept_at"))
LEDGER_BROKER = Table("ledger_broker", "messages that the MQTT broker dropped", ("gateway", "said", "dropped", "kept_at", "began_at"))
REJECTED_SEEN = Table("rejected_seen", "refusals counted of late, to drop repeats", ("digest", "seen_at"))
CATALOGUE_DOCUMENT = Table("catalogue_document", "the record of each entity as it is published", ("entity", "id", "document", "hash"))
CATALOGUE_PUBLISHED = Table("catalogue_published", "what each Kafka cluster has of them", ("cluster_id", "entity", "id", "hash"))
CATALOGUE_CHANGE = Table("catalogue_change", "the last transaction that changed the catalogue", ("no",))
SCHEMA_MIGRATION = Table("schema_migration", "migrations that ran", ("number", "name", "checksum", "applied_at"))

TABLES: tuple[Table, ...] = (
    CITY, AREA, QUANTITY, SENSOR_KIND, DEVICE, KPI, READING, READING_NAMED, DEVICE_CURRENT, KPI_VALUE, KPI_LATEST, KPI_REVISION,
    KPI_OUTBOX, DIRTY_WINDOW, READING_CONFLICT, STREAM_OFFSET, WATERMARK, STORED_TOTAL, REJECTED_COUNT, REJECTED_SEEN, CATALOGUE_DOCUMENT,
    CATALOGUE_PUBLISHED, SCHEMA_MIGRATION, REPEAT_COUNT, DEVICE_ARRIVALS, OWNER_ARRIVALS, KPI_RESTATED, LATE_END, CATALOGUE_CHANGE,
    LEDGER_GATEWAY, LEDGER_FRAMES, LEDGER_PARTITION, LEDGER_REJECTED, LEDGER_BROKER, QUALITY_INBOX, QUALITY_DUE, QUALITY_WORD,
    QUALITY_SPAN, FLAG_END,
)  # fmt: skip

OWNER_ROLE, WRITER_ROLE, READER_ROLE = "kompas_owner", "kompas_writer", "kompas_reader"
"""Who migrates, who stores, who only reads (Grafana, psql, the portal)."""
