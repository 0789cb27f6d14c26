-- Readings and values are columns of small numbers, so somebody has to say in words, in three languages and with dates, what they are about.

CREATE TABLE city (
    id        text PRIMARY KEY,
    name_en   text NOT NULL,
    name_fr   text NOT NULL,
    name_nl   text NOT NULL,
    time_zone text NOT NULL,
    languages text[] NOT NULL,
    west      double precision NOT NULL,
    south     double precision NOT NULL,
    east      double precision NOT NULL,
    north     double precision NOT NULL
);

CREATE TABLE area (
    id         text PRIMARY KEY,
    city       text NOT NULL REFERENCES city,
    level      text NOT NULL CHECK (level IN ('neighbourhood', 'district', 'city')),
    parent     text REFERENCES area DEFERRABLE INITIALLY DEFERRED,
    name_en    text NOT NULL,
    name_fr    text NOT NULL,
    name_nl    text NOT NULL,
    population integer NOT NULL CHECK (population >= 0),
    latitude   double precision NOT NULL,
    longitude  double precision NOT NULL,
    boundary   jsonb
);
CREATE INDEX area_city_level ON area (city, level);

CREATE TABLE quantity (
    no         smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         text NOT NULL UNIQUE,
    unit       text NOT NULL,
    resolution double precision NOT NULL CHECK (resolution > 0),
    name_en    text NOT NULL,
    name_fr    text NOT NULL,
    name_nl    text NOT NULL
);

CREATE TABLE sensor_kind (
    id             text PRIMARY KEY,
    name_en        text NOT NULL,
    name_fr        text NOT NULL,
    name_nl        text NOT NULL,
    cadence_s      double precision NOT NULL CHECK (cadence_s > 0),
    retention_days integer CHECK (retention_days > 0),      -- null: kept without limit
    correcting     boolean NOT NULL,                        -- true: of two values for one time the later in the log stands
    document       jsonb NOT NULL
);

CREATE SEQUENCE device_no AS integer;

CREATE TABLE device (
    no            integer NOT NULL,
    id            text NOT NULL,
    city          text NOT NULL REFERENCES city,
    kind          text NOT NULL REFERENCES sensor_kind,
    area          text NOT NULL REFERENCES area,
    latitude      double precision NOT NULL,
    longitude     double precision NOT NULL,
    manual        boolean NOT NULL,
    cadence_s     double precision CHECK (cadence_s > 0),   -- null: the kind's
    valid_from    timestamptz,                              -- null: since ever
    valid_to      timestamptz,                              -- null: until further notice
    registered_at timestamptz NOT NULL,
    -- A device is in one place at a time: a reading never counts for two areas.
    CONSTRAINT device_once_at_a_time EXCLUDE USING gist (int4range(no, no, '[]') WITH &&, tstzrange(valid_from, valid_to) WITH &&)
);
CREATE INDEX device_id ON device (id);
CREATE INDEX device_no_area ON device (no, kind, area);
CREATE INDEX device_area ON device (area, kind);

CREATE VIEW device_current AS
    SELECT DISTINCT ON (no) no, id, city, kind, area, latitude, longitude, manual, cadence_s, valid_from, valid_to, registered_at
    FROM device
    ORDER BY no, valid_from DESC NULLS LAST;

CREATE TABLE kpi (
    id         text NOT NULL,
    version    integer NOT NULL CHECK (version > 0),
    name_en    text NOT NULL,
    name_fr    text NOT NULL,
    name_nl    text NOT NULL,
    unit       text NOT NULL,
    formula    text NOT NULL,
    "window"   text NOT NULL,
    better     text NOT NULL CHECK (better IN ('lower', 'higher', 'neither')),
    bands      jsonb NOT NULL,
    document   jsonb NOT NULL,
    hash       text NOT NULL,                               -- of formula, window, unit and coverage: fixed for a version
    live_from  timestamptz NOT NULL,                        -- windows from here on are computed live, earlier ones by recompute
    target     double precision,
    target_by  date,
    retired_at timestamptz,                                 -- null: in force
    PRIMARY KEY (id, version)
);
CREATE UNIQUE INDEX kpi_in_force ON kpi (id) WHERE retired_at IS NULL;

-- The record of each entity as it goes to Kafka, and which cluster has which state of it: publication is told by content, not by time.
CREATE TABLE catalogue_document (
    entity   text NOT NULL,
    id       text NOT NULL,
    document text,                                          -- null: gone
    hash     text NOT NULL,
    PRIMARY KEY (entity, id)
);
CREATE TABLE catalogue_published (
    cluster_id text NOT NULL,
    entity     text NOT NULL,
    id         text NOT NULL,
    hash       text NOT NULL,
    PRIMARY KEY (cluster_id, entity, id)
);
CREATE SEQUENCE catalogue_seq;
