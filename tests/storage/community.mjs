// Runs migrations on the community edition of TimescaleDB, compiled to WebAssembly, and tells as JSON what came of it.
// Arguments: the installed package's folder, then the migration files in order.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [home, ...files] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.join(home, "dist", file)).href);
const { PGlite } = await load("index.js");
const { timescaledb } = await load("timescaledb/index.js").catch(() => load("timescaledb.js"));

const db = await PGlite.create({ extensions: { timescaledb } });
const rows = async (sql) => (await db.query(sql)).rows;
await db.exec("CREATE EXTENSION IF NOT EXISTS timescaledb; CREATE ROLE kompas_writer; CREATE ROLE kompas_reader");
const [{ license }] = await rows("SELECT current_setting('timescaledb.license') AS license");
for (const file of files) await db.exec(`BEGIN;\n${fs.readFileSync(file, "utf8")}\nCOMMIT`);

await db.exec(`
  INSERT INTO city VALUES ('c', 'c', 'c', 'c', 'UTC', '{en}', 0, 0, 1, 1);
  INSERT INTO area VALUES ('c', 'c', 'city', NULL, 'c', 'c', 'c', 1, 0, 0, NULL);
  INSERT INTO sensor_kind VALUES ('short', 's', 's', 's', 60, 10, false, '{}'), ('long', 'l', 'l', 'l', 60, 400, false, '{}');
  INSERT INTO device VALUES (1, 'a', 'c', 'short', 'c', 0, 0, false, NULL, NULL, NULL, now()), (2, 'b', 'c', 'long', 'c', 0, 0, false, NULL, NULL, NULL, now());
  INSERT INTO reading SELECT device, 1, '2026-03-04T00:00Z'::timestamptz - make_interval(days => day), now(), 1, 1
    FROM generate_series(0, 420) AS day, (VALUES (1), (2)) AS d (device);
`);
const [{ compressed }] = await rows(
  "SELECT count(compress_chunk(chunk))::int AS compressed FROM show_chunks('reading', older_than => '2026-02-01T00:00Z'::timestamptz) AS chunk",
);
// The restater's own statements, on readings whose chunks are compressed.
for (const statement of JSON.parse(process.env.FLAG_STATEMENTS)) await db.exec(statement);
const flagged = await rows("SELECT device, quality, count(*)::int AS rows FROM reading WHERE quality <> 1 GROUP BY device, quality");
const jobs = await rows("SELECT proc_name FROM timescaledb_information.jobs WHERE hypertable_name = 'reading'");
const [retention] = await rows("SELECT chunks_dropped::int, rows_deleted::int FROM apply_retention('2026-03-04T00:00Z')");
const left = await rows("SELECT device, count(*)::int AS rows FROM reading GROUP BY device ORDER BY device");
console.log(JSON.stringify({ license, compressed, jobs: jobs.map((job) => job.proc_name), retention, left, flagged }));
await db.close();
