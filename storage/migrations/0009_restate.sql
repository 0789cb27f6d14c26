-- What comes after a window has closed changes settled values: the restater must find its windows fast and know which revision it gave last.

CREATE INDEX dirty_window_end ON dirty_window (kpi, version, window_end);

-- The newest value that the restater gave a window, until the writer has stored it: revisions grow by one although Kafka lies between.
CREATE TABLE kpi_restated (
    kpi          text NOT NULL,
    version      integer NOT NULL,
    area         text NOT NULL,
    window_start timestamptz NOT NULL,
    revision     integer NOT NULL CHECK (revision > 0),
    value        double precision,
    state        text NOT NULL CHECK (state IN ('ok', 'not_enough_data', 'no_data')),
    coverage     double precision NOT NULL,
    devices      integer NOT NULL,
    PRIMARY KEY (kpi, version, area, window_start)
);

-- Late readings of a counter that no later one of the device follows yet: the next one's step begins at them, so its window is marked when it comes.
CREATE TABLE late_end (
    device      integer NOT NULL,
    quantity    smallint NOT NULL,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (device, quantity)
);

-- The last transaction that changed the catalogue: who keeps it in memory sees in one row whether it is still the same.
CREATE TABLE catalogue_change (no bigint NOT NULL);
INSERT INTO catalogue_change VALUES (0);
CREATE FUNCTION note_catalogue_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE catalogue_change SET no = txid_current() WHERE no <> txid_current();
    RETURN NULL;
END
$$;
CREATE TRIGGER catalogue_changed AFTER INSERT OR UPDATE OR DELETE ON catalogue_document
    FOR EACH ROW EXECUTE FUNCTION note_catalogue_change();

GRANT INSERT, UPDATE, DELETE ON kpi_restated, late_end TO kompas_writer;
