-- Who only looks must not be able to change anything, and who stores must not be able to change what the tables are.

GRANT USAGE ON SCHEMA public TO kompas_writer, kompas_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO kompas_writer, kompas_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO kompas_writer, kompas_reader;

GRANT INSERT, UPDATE, DELETE ON
    reading, kpi_value, kpi_latest, kpi_revision, kpi_outbox, dirty_window, reading_conflict,
    stream_offset, watermark, rejected_count, rejected_seen, stored_total
    TO kompas_writer;
GRANT EXECUTE ON FUNCTION apply_retention(timestamptz) TO kompas_writer;
