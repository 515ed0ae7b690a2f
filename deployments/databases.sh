#!/bin/sh
# Runs once, when Postgres makes its data folder: two databases, each with a user who can enter no other.
set -eu
psql -v ON_ERROR_STOP=1 --quiet --username postgres --dbname postgres \
    -v prefect="$POSTGRES_PREFECT_PASSWORD" -v ledger="$POSTGRES_LEDGER_PASSWORD" <<'SQL'
create role prefect login password :'prefect';
create role ledger login password :'ledger';
create database prefect owner prefect;
create database ledger owner ledger;
revoke connect on database prefect, ledger, postgres from public;
SQL
