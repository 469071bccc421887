#!/usr/bin/env bash
# Vault for a laptop: starts it, bootstraps it with init.sh, and opens it again after a restart.
#
#   vault/dev.sh up       until it is ready
#   vault/dev.sh token    prints the root token
#
# Keeps the unseal keys and the root token in vault/vault-init.json, beside what they open: that is for development alone.
# On a server, run init.sh by hand and give the keys to different people.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly KEPT=vault/vault-init.json
readonly APPROLES=vault/approle

main() {
    umask 077
    case ${1:-} in
        up) up ;;
        token) kept root_token ;;
        *)
            printf 'usage: %s up|token\n' "$0" >&2
            exit 2
            ;;
    esac
}

up() {
    compose up --detach --wait --quiet-pull vault
    local status
    # It ends with 2 when it is sealed.
    status=$(in_vault vault status || true)
    if [[ -f $KEPT && $status =~ Initialized\ +true && $status =~ Sealed\ +true ]]; then
        unseal
    fi
    bootstrap
}

# The platform, if it runs, is of the same project.
compose() {
    COMPOSE_IGNORE_ORPHANS=true docker compose --file docker-compose.vault.yml "$@"
}

in_vault() {
    compose exec --no-TTY vault "$@"
}

# Runs at each start: init.sh changes nothing that is there, and an interrupted one goes on.
bootstrap() {
    local made
    made=$(mktemp)
    # What was made is kept even when a later step fails.
    if ! { [[ ! -f $KEPT ]] || kept root_token; } | in_vault sh /vault/scripts/init.sh --dev >"$made"; then
        keep "$made"
        rm -f "$made"
        exit 1
    fi
    keep "$made"
    rm -f "$made"
}

keep() {
    local made=$1 environment prefix
    if grep -q '^ROOT_TOKEN=' "$made"; then
        # One value a line: `kept` reads it again.
        {
            printf '{\n'
            sed -n 's/^UNSEAL_KEY_\([0-9]*\)=\(.*\)/  "unseal_key_\1": "\2",/p' "$made"
            sed -n 's/^ROOT_TOKEN=\(.*\)/  "root_token": "\1"/p' "$made"
            printf '}\n'
        } >"$KEPT"
    fi
    for environment in dev stage prod; do
        prefix=${environment^^}_APP_VAULT
        keep_file "$made" "${prefix}_ROLE_ID" "$APPROLES/$environment/role_id"
        keep_file "$made" "${prefix}_SECRET_ID" "$APPROLES/$environment/secret_id"
    done
    keep_file "$made" INFRA_VAULT_ROLE_ID "$APPROLES/infra/role_id"
    keep_file "$made" INFRA_VAULT_SECRET_ID "$APPROLES/infra/secret_id"
    chmod 0700 "$APPROLES"
}

# The folder keeps other users of this host away from the file.
keep_file() {
    local made=$1 name=$2 file=$3
    grep -q "^$name=" "$made" || return 0
    mkdir -p "${file%/*}"
    sed -n "s/^$name=//p" "$made" | tr -d '\n' >"$file"
    chmod 0444 "$file"
}

unseal() {
    local number
    for number in 1 2 3; do
        kept "unseal_key_$number" | tr -d '\n' | in_vault vault write sys/unseal key=- >/dev/null
    done
}

kept() {
    sed -n "s/^  \"$1\": \"\(.*\)\",\{0,1\}$/\1/p" "$KEPT"
}

main "$@"
