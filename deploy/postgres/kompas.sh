#!/bin/sh
# Runs once, when PostgreSQL makes its cluster: the roles with the passwords of /secrets, and the database with TimescaleDB.
set -eu
password() { cat "${KOMPAS_SECRETS:-/secrets}/db-$1"; }

psql -X -q -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner="$(password kompas_owner)" -v writer="$(password kompas_writer)" -v reader="$(password kompas_reader)" <<'SQL'
CREATE ROLE kompas_owner LOGIN PASSWORD :'owner';
CREATE ROLE kompas_writer LOGIN PASSWORD :'writer';
CREATE ROLE kompas_reader LOGIN PASSWORD :'reader';
CREATE DATABASE kompas OWNER kompas_owner TEMPLATE template0;
\connect kompas
CREATE EXTENSION timescaledb;
ALTER SCHEMA public OWNER TO kompas_owner;
SQL
