#!/usr/bin/env bash
# Runs once, on a first boot: gives each service a role that owns its tables, and two accounts that act for it, of which one
# is in use at a time. The other is what a new password is given to, so that there is always one that works.
#
# The services' accounts are the database's only ones beside its administrator. Neither service can read the other's tables.
set -euo pipefail

admin() {
    psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set ON_ERROR_STOP=1 --quiet --no-psqlrc "$@"
}

admin --set database="$POSTGRES_DB" <<'SQL'
create role stock_listing nologin;
create role trade nologin;
create role stock_listing_a nologin in role stock_listing;
create role stock_listing_b nologin in role stock_listing;
create role trade_a nologin in role trade;
create role trade_b nologin in role trade;

-- Whichever account a service comes with, what it makes belongs to the service.
alter role stock_listing_a set role = stock_listing;
alter role stock_listing_b set role = stock_listing;
alter role trade_a set role = trade;
alter role trade_b set role = trade;

revoke all on database :"database" from public;
grant connect on database :"database" to stock_listing, trade;
revoke all on schema public from public;
grant usage, create on schema public to stock_listing, trade;

-- Made by init.sql, as the administrator.
alter table stocks owner to stock_listing;
SQL

# The passwords, as the Vault agent rendered them.
admin --file /vault/secrets/db/roles.sql
