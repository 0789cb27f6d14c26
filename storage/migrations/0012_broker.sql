-- A broker that was started again counts from nothing, and may have dropped more than before by the time somebody asks: its start tells the two apart.
ALTER TABLE ledger_broker ADD COLUMN began_at timestamptz;
COMMENT ON COLUMN ledger_broker.began_at IS 'when the broker that said it was started, to ten seconds or so; null: not known';
