-- Nothing may be lost in silence: what gateways say they sent stands beside what came, by gateway life, partition and writer.

-- The newest running totals of each gateway's life, from its heartbeats.
CREATE TABLE ledger_gateway (
    gateway           text NOT NULL,
    life              text NOT NULL,
    began_at          timestamptz NOT NULL,       -- clock of the first heartbeat
    clock             timestamptz NOT NULL,       -- clock of the newest one
    ended             boolean NOT NULL,           -- it said that it was the last
    delivered         bigint NOT NULL,
    decoded           bigint NOT NULL,
    rejected_messages bigint NOT NULL,
    readings          bigint NOT NULL,
    rejected_readings bigint NOT NULL,
    duplicates        bigint NOT NULL,            -- inside one message
    framed            bigint NOT NULL,
    confirmed         bigint NOT NULL,            -- messages of which Kafka has every part; -1: it does not say
    kept_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, life)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- The frames of a life that came in one partition: what is missing in their numbers, and rows against what heartbeats claim.
CREATE TABLE ledger_frames (
    gateway       text NOT NULL,
    life          text NOT NULL,
    partition     integer NOT NULL,
    next_seq      bigint NOT NULL,
    holes         jsonb NOT NULL,                 -- [[from, to), …] below next_seq
    told_seq      bigint NOT NULL,                -- of the newest heartbeat in order; -1: none
    told          bigint NOT NULL,                -- rows framed before it, as it says
    before        bigint NOT NULL,                -- rows that came before it
    since         bigint NOT NULL,                -- rows that came after it
    repeated      bigint NOT NULL,                -- rows of frames that had come already
    earlier       bigint NOT NULL,                -- rows framed before the ledger began, part of told
    confirmed_seq bigint NOT NULL,                -- Kafka had every frame before it; -1: it does not say
    joined        boolean NOT NULL,
    ended         boolean NOT NULL,
    clock_us      bigint NOT NULL,
    kept_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, life, partition)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- What came in each partition and what the worker made of it.
CREATE TABLE ledger_partition (
    partition      integer PRIMARY KEY,
    began          bigint NOT NULL,               -- input offset of the first record counted
    log_began      bigint NOT NULL,
    records        bigint NOT NULL,
    log_records    bigint NOT NULL,
    heartbeats     bigint NOT NULL,
    damaged        bigint NOT NULL,
    arrived        bigint NOT NULL,               -- rows in frames: checked + duplicates + conflicts
    unowned        bigint NOT NULL,
    checked        bigint NOT NULL,
    duplicates     bigint NOT NULL,
    conflicts      bigint NOT NULL,
    late           bigint NOT NULL,
    first_clock_us bigint NOT NULL,
    clock_us       bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- What came in the topic of refusals, by who refused it: a gateway (messages and readings) or the worker (conflicts).
CREATE TABLE ledger_rejected (
    gateway  text NOT NULL,
    life     text NOT NULL,
    source   text NOT NULL CHECK (source IN ('gateway', 'worker')),
    messages bigint NOT NULL,                     -- refused as a whole
    readings bigint NOT NULL,                     -- refused one by one
    kept_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway, life, source)
) WITH (fillfactor = 50);

-- Messages that the MQTT broker dropped because its queues were full: its own counter starts anew with it, this one does not.
CREATE TABLE ledger_broker (
    gateway text PRIMARY KEY,                     -- who read the counter
    said    bigint NOT NULL,
    dropped bigint NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now()
);

-- From here on the rows that each writer took in are counted, too.
INSERT INTO stored_total (writer, name, total)
    SELECT writer, 'checked', sum(total) FROM stored_total WHERE name IN ('readings', 'late_duplicates', 'late_conflicts') GROUP BY writer;

GRANT INSERT, UPDATE, DELETE ON ledger_gateway, ledger_frames, ledger_partition, ledger_rejected, ledger_broker TO kompas_writer;
