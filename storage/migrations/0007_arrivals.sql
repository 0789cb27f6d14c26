-- A city must see which devices send what cannot be used and whose they are, so devices have owners, repeats are counted, and views say it in words.

ALTER TABLE device ADD COLUMN owner text NOT NULL DEFAULT '';    -- empty: the owner of its kind

CREATE OR REPLACE VIEW device_current AS
    SELECT DISTINCT ON (no) no, id, city, kind, area, latitude, longitude, manual, cadence_s, valid_from, valid_to, registered_at, owner
    FROM device
    ORDER BY no, valid_from DESC NULLS LAST;

-- Repeats never become readings, so they are counted when they are dropped, by the hour of receipt.
CREATE TABLE repeat_count (
    device     integer NOT NULL,
    hour       timestamptz NOT NULL,
    duplicates bigint NOT NULL,       -- a reading that the log already had, dropped
    conflicts  bigint NOT NULL,       -- another value for a reading that the log already had, refused
    PRIMARY KEY (device, hour)
) WITH (fillfactor = 70);

-- What each device sent in the last hour of measured time, by verdict and cause: bits of `quality` as in the contracts.
CREATE VIEW device_arrivals AS
    SELECT d.id AS device, d.city, d.kind, d.area,
           coalesce(nullif(d.owner, ''), k.document ->> 'owner', '') AS owner,
           coalesce(r.readings, 0) AS readings, coalesce(r.good, 0) AS good, coalesce(r.suspect, 0) AS suspect,
           coalesce(r.late, 0) AS late, coalesce(r.gateway_time, 0) AS gateway_time,
           coalesce(c.duplicates, 0) AS duplicates, coalesce(c.conflicts, 0) AS conflicts
    FROM device_current d
    JOIN sensor_kind k ON k.id = d.kind
    LEFT JOIN (
        SELECT device, count(*) AS readings,
               count(*) FILTER (WHERE good(quality)) AS good,
               count(*) FILTER (WHERE NOT good(quality)) AS suspect,
               count(*) FILTER (WHERE quality & 4096 <> 0) AS late,
               count(*) FILTER (WHERE quality & 8192 <> 0) AS gateway_time
        FROM reading
        WHERE measured_at > now() - INTERVAL '1 hour'
        GROUP BY device
    ) r ON r.device = d.no
    LEFT JOIN (
        SELECT device, sum(duplicates)::bigint AS duplicates, sum(conflicts)::bigint AS conflicts
        FROM repeat_count
        WHERE hour >= date_trunc('hour', now() - INTERVAL '1 hour')
        GROUP BY device
    ) c ON c.device = d.no;

CREATE VIEW owner_arrivals AS
    SELECT owner, city, kind, count(*) AS devices, count(*) FILTER (WHERE readings = 0) AS silent,
           sum(readings)::bigint AS readings, sum(good)::bigint AS good, sum(suspect)::bigint AS suspect, sum(late)::bigint AS late,
           sum(gateway_time)::bigint AS gateway_time, sum(duplicates)::bigint AS duplicates, sum(conflicts)::bigint AS conflicts
    FROM device_arrivals
    GROUP BY owner, city, kind;

GRANT INSERT, UPDATE, DELETE ON repeat_count TO kompas_writer;
