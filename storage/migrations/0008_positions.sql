-- Devices that move say where they measured, so a reading can hold its position; most have none and pay nothing for it (a row's header has room for the marks).

ALTER TABLE reading ADD COLUMN latitude double precision, ADD COLUMN longitude double precision;

CREATE OR REPLACE VIEW reading_named AS
    SELECT d.id AS device, q.id AS quantity, r.measured_at, r.received_at, r.value, r.quality, q.unit, d.city, d.kind, d.area, r.latitude, r.longitude
    FROM reading r
    JOIN quantity q ON q.no = r.quantity
    JOIN device d ON d.no = r.device
        AND (d.valid_from IS NULL OR r.measured_at >= d.valid_from)
        AND (d.valid_to IS NULL OR r.measured_at < d.valid_to);
