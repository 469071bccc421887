#!/bin/sh
# Prepares the platform's volumes: the container `folders` of docker-compose.infra.yml.
#
#   /of/UID/*   volumes that a program with this user id writes to
#   /checkout   the project, read-only
#   /infra, /initdb, /config/*   copies of its files, for the programs that read them
#   /identity   for the agent: role_id and secret_id, once they are there
#
# Each file is replaced by a rename, since a program may be reading it.
set -eu
umask 022

# The agent's user.
readonly READER=10001:10001

main() {
    [ -f /checkout/infra/when-ready.sh ] ||
        die "the checkout is not on the engine's host, or is empty: start the platform from a checkout that is there"
    for user in 10000 1000 1001 10001; do
        chown "$user:$user" /of/"$user"/*
    done
    mkdir -p /infra/agent /infra/harbor
    put /checkout/infra/when-ready.sh /infra/when-ready.sh
    for file in agent/agent.hcl agent/core.env.tpl agent/jobservice.env.tpl agent/ready.tpl harbor/Caddyfile harbor/portal.conf; do
        put "/checkout/infra/$file" "/infra/$file"
    done
    put /checkout/infra/database/password.sh /initdb/10-password.sh
    put /checkout/infra/harbor/registry.yml /config/registry/config.yml
    put /checkout/infra/harbor/registryctl.yml /config/registryctl/config.yml
    put /checkout/infra/harbor/jobservice.yml /config/jobservice/config.yml
    # The agent waits for its identity: `up` once more when the files are there.
    own=/checkout/vault/approle/infra
    if [ -s "$own/role_id" ] && [ -s "$own/secret_id" ]; then
        store role_id
        store secret_id
    fi
}

die() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# put FROM TO
put() {
    cp "$1" "$2.new"
    chmod 0644 "$2.new"
    mv -f "$2.new" "$2"
}

# store NAME
store() {
    # Left by an interrupted run, it belongs to the agent's user by then.
    rm -f /identity/.new
    cp "$own/$1" /identity/.new
    chmod 0400 /identity/.new
    chown "$READER" /identity/.new
    mv -f /identity/.new "/identity/$1"
}

main
