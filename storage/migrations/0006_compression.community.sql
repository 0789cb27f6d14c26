-- Where the community edition runs, chunks that no late reading can reach any more are compressed, about tenfold.

ALTER TABLE reading SET (
    timescaledb.compress,
    timescaledb.compress_segmentby = 'device, quantity',
    timescaledb.compress_orderby = 'measured_at DESC'
);
-- Late readings reach back seven days and the log as far again.
SELECT add_compression_policy('reading', compress_after => INTERVAL '15 days', if_not_exists => true);
