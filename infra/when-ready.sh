#!/bin/sh
# Waits until Vault's agent has written this container's secrets, then becomes the command:
#
#   when-ready.sh COMMAND [ARGUMENT]...
#
# SECRETS is the folder that they are written to. What the file `env` in it says is in the command's environment.
set -eu

folder=${SECRETS:-/vault/secrets}
if [ ! -f "$folder/.ready" ]; then
    echo "waiting for the secrets from Vault: is it open, and were vault/approle/infra/role_id and secret_id there at the last start?" >&2
fi
until [ -f "$folder/.ready" ]; do sleep 1; done
if [ -f "$folder/env" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$folder/env"
    set +a
fi
exec "$@"
