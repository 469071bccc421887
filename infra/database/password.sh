#!/bin/sh
# The first boot's last step: gives the database's user the password in Vault, in the place of the one of chance that the image's
# entry point leaves in the server's environment.
set -eu

psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --quiet <<'SQL'
\set password `cat /vault/secrets/password`
alter role current_user password :'password';
SQL
