#!/bin/sh
# Copies an environment's files from a checkout into its volumes: the container `files` of docker-compose.base.yml.
#
#   /checkout   the project, read-only
#   /files      for the proxy (proxy, web) and the agent (agent)
#   /db-init    for the database's first boot
#   /identity   for the agent: role_id and secret_id
#
# Each file is replaced by a rename, since the proxy reads it meanwhile.
set -eu
umask 022

# The agent's user.
readonly READER=10001:10001
readonly INSIDE=http://vault:8200

main() {
    [ -f /checkout/proxy/Caddyfile ] ||
        die "the checkout is not on the engine's host, or is empty: start $STOCKS_ENV from a checkout that is there"
    check_address
    mirror /checkout/vault/agent /files/agent
    mirror /checkout/proxy /files/proxy
    mirror /checkout/web/dist /files/web
    put /checkout/db/init.sql /db-init/10-init.sql
    put /checkout/db/roles.sh /db-init/20-roles.sh
    write_identity
    # No copy stays in the container, which does.
    rm -f /identity-pair
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# VAULT_ADDR is for the vault command on the host. An address that only the host knows would take the agent away.
check_address() {
    address=$(setting /checkout/.env VAULT_ADDR)
    case $address in
        "" | "$INSIDE" | http://localhost* | http://127.0.0.1* | https://localhost* | https://127.0.0.1*) return ;;
    esac
    [ -n "$STOCKS_VAULT_ADDR" ] ||
        die "VAULT_ADDR in .env is for the vault command on this host. For the agents, add the line
STOCKS_VAULT_ADDR=$address"
}

# setting FILE NAME: the value of a NAME=value line, without quotes, a comment behind it, and a slash at its end.
setting() {
    if [ -f "$1" ]; then
        sed -n "s/^$2=//p" "$1" | tail -n 1 | tr -d "\r\"'" | sed -e 's/[[:space:]]*#.*$//' -e 's/[[:space:]]*$//' -e 's#/$##'
    fi
}

# given NAME: one half of the pair for all environments. Compose copies what it interpolates when it makes the container, and a
# pair that was put into .env later is in the file alone.
given() {
    value=$(setting /identity-pair "$1")
    printf '%s' "${value:-$(setting /checkout/.env "$1")}"
}

# mirror FROM TO: makes a folder's files those of another.
mirror() {
    [ -d "$1" ] || die "$1 is missing in the checkout"
    mkdir -p "$2"
    (cd "$1" && find . -type f) | while IFS= read -r file; do
        mkdir -p "$2/$(dirname "$file")"
        put "$1/$file" "$2/$file"
    done
    (cd "$2" && find . -type f) | while IFS= read -r file; do
        if [ ! -f "$1/$file" ]; then rm -f "$2/$file"; fi
    done
}

# put FROM TO
put() {
    if cmp -s "$1" "$2"; then return; fi
    cp "$1" "$2.new"
    chmod 0644 "$2.new"
    mv -f "$2.new" "$2"
}

# An environment's own pair comes first. The pair for all environments fills a gap, and replaces a pair on request alone:
# a shell that still has another installation's must not take the agent away.
write_identity() {
    own=/checkout/vault/approle/$STOCKS_ENV
    if [ -s "$own/role_id" ] && [ -s "$own/secret_id" ]; then
        store role_id "$(cat "$own/role_id")"
        store secret_id "$(cat "$own/secret_id")"
        return
    fi
    role_id=$(given APP_VAULT_ROLE_ID)
    secret_id=$(given APP_VAULT_SECRET_ID)
    if [ -s /identity/role_id ] && [ -s /identity/secret_id ] && [ "$STOCKS_AGENT_IDENTITY" != replace ]; then
        if [ -n "$role_id" ] && [ "$role_id $secret_id" != "$(cat /identity/role_id) $(cat /identity/secret_id)" ]; then
            printf 'the agent of %s keeps its pair; for the one in .env: STOCKS_AGENT_IDENTITY=replace\n' "$STOCKS_ENV" >&2
        fi
        return
    fi
    if [ -z "$role_id" ] || [ -z "$secret_id" ]; then
        die "the Vault agent of $STOCKS_ENV has no identity: put the pair that vault/init.sh printed into .env
(APP_VAULT_ROLE_ID and APP_VAULT_SECRET_ID), or a pair of its own into vault/approle/$STOCKS_ENV/role_id and secret_id"
    fi
    store role_id "$role_id"
    store secret_id "$secret_id"
}

# store NAME VALUE
store() {
    if [ "$(cat "/identity/$1" 2>/dev/null)" = "$2" ]; then return; fi
    # Left by an interrupted run, it belongs to the agent's user by then.
    rm -f /identity/.new
    printf '%s' "$2" >/identity/.new
    chmod 0400 /identity/.new
    chown "$READER" /identity/.new
    mv -f /identity/.new "/identity/$1"
}

main
