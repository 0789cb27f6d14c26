-- Disks end: readings go when the retention of their sensor kind is over, whole chunks at once where nothing in them has to stay.

CREATE FUNCTION apply_retention(at timestamptz, OUT chunks_dropped bigint, OUT rows_deleted bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    kept record;
    deleted bigint;
    longest integer;
BEGIN
    chunks_dropped := 0;
    rows_deleted := 0;
    -- A kind without a limit keeps every chunk; then only rows are deleted.
    IF NOT EXISTS (SELECT FROM public.sensor_kind WHERE retention_days IS NULL) THEN
        SELECT max(retention_days) INTO longest FROM public.sensor_kind;
    END IF;
    IF longest IS NOT NULL THEN
        SELECT count(*) INTO chunks_dropped FROM public.drop_chunks('public.reading', older_than => at - make_interval(days => longest));
    END IF;
    IF current_setting('timescaledb.license', true) = 'timescale' THEN
        PERFORM set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true);
    END IF;
    FOR kept IN
        SELECT id, retention_days FROM public.sensor_kind
        WHERE retention_days IS NOT NULL AND (longest IS NULL OR retention_days < longest)
    LOOP
        DELETE FROM public.reading r USING public.device_current d
            WHERE d.no = r.device AND d.kind = kept.id AND r.measured_at < at - make_interval(days => kept.retention_days);
        GET DIAGNOSTICS deleted = ROW_COUNT;
        rows_deleted := rows_deleted + deleted;
    END LOOP;
    DELETE FROM public.rejected_seen WHERE seen_at < at - INTERVAL '1 day';
END
$$;
REVOKE ALL ON FUNCTION apply_retention(timestamptz) FROM PUBLIC;
