-- What a reading is worth is decided after it has come, too: by tests on closed quarter-hours and by people, and both must be repeatable and name their reason.

-- Which times a writer's transaction brought readings of: the restater takes the rows away and tests what they reach.
CREATE TABLE quality_inbox (
    kind     text NOT NULL,
    earliest timestamptz NOT NULL,       -- both in one quarter of an hour
    latest   timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- Quarters of an hour that have to be tested once all partitions have passed them.
CREATE TABLE quality_due (
    kind          text NOT NULL,
    quarter_start timestamptz NOT NULL,
    ready_at      timestamptz NOT NULL,  -- the watermark from which on it can be tested
    PRIMARY KEY (kind, quarter_start)
) WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- What a test says of readings: all of the device and quantity from the first to the last that passed on arrival.
CREATE TABLE quality_word (
    kind      text NOT NULL,
    device    integer NOT NULL,
    quantity  smallint NOT NULL,
    test      text NOT NULL CHECK (test IN ('spike', 'rate', 'flat_line', 'neighbour')),
    starts    timestamptz NOT NULL,      -- the first reading's time
    ends      timestamptz NOT NULL,      -- the last one's, in the same quarter of an hour
    flag      smallint NOT NULL CHECK (flag IN (3, 4)),
    readings  integer NOT NULL CHECK (readings > 0),
    tested_at timestamptz NOT NULL,
    PRIMARY KEY (device, quantity, test, starts)
);
CREATE INDEX quality_word_kind ON quality_word (kind, starts);

-- What people say of a device's readings, those that are stored later included; cleared ones stay as a record.
CREATE TABLE quality_span (
    no         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device     integer NOT NULL,
    quantity   smallint,                 -- null: all
    starts     timestamptz NOT NULL,
    ends       timestamptz NOT NULL,     -- not included
    flag       smallint NOT NULL CHECK (flag IN (1, 2, 3, 4, 9)),
    why        text NOT NULL CHECK (why <> ''),
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    pending    boolean NOT NULL DEFAULT true,   -- readings stored before do not say it yet
    applied_at timestamptz,
    readings   bigint,                   -- stored readings in it, when it was applied
    cleared_at timestamptz,              -- null: it holds
    cleared_by text,
    CHECK (starts < ends)
);
CREATE INDEX quality_span_device ON quality_span (device, ends) WHERE cleared_at IS NULL;
CREATE INDEX quality_span_pending ON quality_span (no) WHERE pending;

-- Readings of a counter whose flag changed and that no later one follows yet: the next one's window was counted from them.
CREATE TABLE flag_end (
    device      integer NOT NULL,
    quantity    smallint NOT NULL,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (device, quantity)
);

GRANT INSERT, UPDATE, DELETE ON quality_inbox, quality_due, quality_word, quality_span, flag_end TO kompas_writer;
