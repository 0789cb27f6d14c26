-- The raw readings are the ground that every number can be recomputed from, so each stands exactly once and can be found by device and by quantity.

CREATE FUNCTION good(quality integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (quality & 15) IN (1, 2);

CREATE TABLE reading (
    device      integer NOT NULL,
    quantity    smallint NOT NULL,
    measured_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    value       double precision NOT NULL,
    quality     integer NOT NULL,
    PRIMARY KEY (device, quantity, measured_at)
);
-- A day per chunk: 400 days are 400 chunks, and a day of a large city still fits a small machine's memory.
SELECT create_hypertable('reading', by_range('measured_at', INTERVAL '1 day'), create_default_indexes => false);
-- Panels ask for one quantity over the last hour: this index keeps them from reading the day. Its inserts all go to a few hot pages.
CREATE INDEX reading_quantity_time ON reading (quantity, measured_at DESC);

CREATE VIEW reading_named AS
    SELECT d.id AS device, q.id AS quantity, r.measured_at, r.received_at, r.value, r.quality, q.unit, d.city, d.kind, d.area
    FROM reading r
    JOIN quantity q ON q.no = r.quantity
    JOIN device d ON d.no = r.device
        AND (d.valid_from IS NULL OR r.measured_at >= d.valid_from)
        AND (d.valid_to IS NULL OR r.measured_at < d.valid_to);

CREATE TABLE reading_conflict (
    device       integer NOT NULL,
    quantity     smallint NOT NULL,
    measured_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    value        double precision NOT NULL,
    quality      integer NOT NULL,
    partition    integer NOT NULL,
    input_offset bigint NOT NULL,
    stored_value double precision NOT NULL,
    PRIMARY KEY (device, quantity, measured_at, partition, input_offset, value)
);

CREATE TABLE stream_offset (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,      -- of the input for kompas.checked.v1, of the topic itself for the others
    log_offset  bigint NOT NULL,      -- where reading the topic itself goes on
    cluster_id  text NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE watermark (
    partition integer NOT NULL,
    kind      text NOT NULL,
    watermark timestamptz NOT NULL,
    PRIMARY KEY (partition, kind)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- What was stored ever, by writer: exact, where counting the rows of a large table is not for every second.
CREATE TABLE stored_total (
    writer integer NOT NULL,
    name   text NOT NULL,
    total  bigint NOT NULL,
    PRIMARY KEY (writer, name)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE rejected_count (
    city     text NOT NULL,           -- empty: not known
    reason   text NOT NULL,
    hour     timestamptz NOT NULL,
    messages bigint NOT NULL,         -- messages with at least one refusal for this reason
    readings bigint NOT NULL,         -- records refused one by one within them
    PRIMARY KEY (city, reason, hour)
) WITH (fillfactor = 70);
CREATE TABLE rejected_seen (
    digest  uuid PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
