-- An indicator is read far more often than it is written: the newest values stand in one small table, settled ones by window, superseded ones aside.

CREATE TABLE kpi_value (
    kpi          text NOT NULL,
    version      integer NOT NULL,
    area         text NOT NULL,
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    value        double precision,
    state        text NOT NULL CHECK (state IN ('ok', 'not_enough_data', 'no_data')),
    band         text,
    unit         text NOT NULL,
    coverage     double precision NOT NULL,
    devices      integer NOT NULL,
    revision     integer NOT NULL CHECK (revision > 0),
    status       text NOT NULL CHECK (status IN ('final', 'restated')),
    reason       text,
    epoch        text,
    computed_at  timestamptz NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kpi, version, area, window_start)
);
SELECT create_hypertable('kpi_value', by_range('window_start', INTERVAL '7 days'), create_default_indexes => false);
CREATE INDEX kpi_value_time ON kpi_value (kpi, window_start DESC);

CREATE TABLE kpi_latest (
    slot         text NOT NULL CHECK (slot IN ('open', 'last')),
    kpi          text NOT NULL,
    version      integer NOT NULL,
    area         text NOT NULL,
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    value        double precision,
    state        text NOT NULL CHECK (state IN ('ok', 'not_enough_data', 'no_data')),
    band         text,
    unit         text NOT NULL,
    coverage     double precision NOT NULL,
    devices      integer NOT NULL,
    revision     integer NOT NULL,
    status       text NOT NULL CHECK (status IN ('live', 'final', 'restated')),
    reason       text,
    epoch        text,
    computed_at  timestamptz NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kpi, version, area, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE kpi_revision (
    LIKE kpi_value,
    superseded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kpi, version, area, window_start, revision)
);

CREATE TABLE dirty_window (
    kpi          text NOT NULL,
    version      integer NOT NULL,
    area         text NOT NULL,
    window_start timestamptz NOT NULL,
    window_end   timestamptz NOT NULL,
    reason       text NOT NULL,
    marked_at    timestamptz NOT NULL,
    PRIMARY KEY (kpi, version, area, window_start)
);

CREATE TABLE kpi_outbox (
    no       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key      text NOT NULL,
    document bytea NOT NULL,
    made_at  timestamptz NOT NULL
);
