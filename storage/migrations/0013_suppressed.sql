-- A number that would tell about too few persons is withheld, and that is a state of its own: neither a value nor a lack of data.

ALTER TABLE kpi_value DROP CONSTRAINT kpi_value_state_check;
ALTER TABLE kpi_value ADD CONSTRAINT kpi_value_state_check CHECK (state IN ('ok', 'not_enough_data', 'no_data', 'suppressed'));
ALTER TABLE kpi_latest DROP CONSTRAINT kpi_latest_state_check;
ALTER TABLE kpi_latest ADD CONSTRAINT kpi_latest_state_check CHECK (state IN ('ok', 'not_enough_data', 'no_data', 'suppressed'));
ALTER TABLE kpi_restated DROP CONSTRAINT kpi_restated_state_check;
ALTER TABLE kpi_restated ADD CONSTRAINT kpi_restated_state_check CHECK (state IN ('ok', 'not_enough_data', 'no_data', 'suppressed'));
