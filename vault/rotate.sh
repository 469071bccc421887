#!/usr/bin/env bash
# Changes the passwords with which an environment's services reach their database, while they serve.
#
#   vault/rotate.sh ENV         new passwords, for the accounts that are not in use; the services move to those
#   vault/rotate.sh ENV undo    back to the credentials before, as `vault kv rollback` has them
#   vault/rotate.sh ENV sync    makes the database agree with Vault, after a `vault kv patch` or `vault kv rollback` by hand
#
# Each service has two accounts that act for one role, <service>_a and <service>_b. The one is in use; the other gets the new
# password, Vault is told, the agent renders it, the service moves, and only when the last session of the first is gone is
# that one locked. At each moment some password works; an interrupted change is completed by `sync`.
#
# VAULT_TOKEN is taken from the environment, or from vault/vault-init.json on a laptop. Vault and the database are reached in
# their containers, secrets through the standard input.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SERVICES=(stock-listing trade)
readonly URL_PATTERN='^postgresql://([a-z_]+_([ab])):([^@]+)@'
# The agent looks every 10 s, the service every second, and keeps its old connections for 3 s more.
readonly MOVE_SECONDS=${MOVE_SECONDS:-90}

main() {
    environment=${1:-}
    case $environment in
        dev | stage | prod) ;;
        *) usage ;;
    esac
    VAULT_TOKEN=${VAULT_TOKEN:-$(vault/dev.sh token)}
    [[ -n $VAULT_TOKEN ]] || refuse "VAULT_TOKEN is not set"
    export -n VAULT_TOKEN

    case ${2:-rotate} in
        rotate) for_each_service rotate ;;
        undo) for_each_service undo ;;
        sync)
            sync_administrator
            for_each_service sync
            ;;
        *) usage ;;
    esac
}

usage() {
    printf 'usage: %s dev|stage|prod [rotate|undo|sync]\n' "$0" >&2
    exit 2
}

refuse() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

say() {
    printf '%s\n' "$*" >&2
}

for_each_service() {
    local service
    for service in "${SERVICES[@]}"; do
        "$1" "$service"
    done
}

rotate() {
    local path=$environment/app/$1/config current version account spare password
    current=$(secret "$path")
    version=$(field version <<<"$current")
    parse "$(field database_url <<<"$current")"
    account=$url_account
    spare=${account%_*}_$([[ $url_letter == a ]] && echo b || echo a)
    password=$(in_vault vault write -field=random_bytes sys/tools/random/24 format=hex)

    set_password "$spare" "$password"
    printf 'postgresql://%s:%s@%s' "$spare" "$password" "$url_rest" |
        in_vault vault kv patch -mount=secret -cas="$version" "$path" database_url=- >/dev/null
    settle "$1" "$spare" "$account"
}

undo() {
    local path=$environment/app/$1/config current version before
    current=$(secret "$path")
    version=$(field version <<<"$current")
    before=$((version - 1))
    ((before > 0)) || refuse "secret/$path has no version before $version"
    parse "$(field database_url <<<"$(secret "$path" "$before")")"

    set_password "$url_account" "$url_password"
    in_vault vault kv rollback -mount=secret -version="$before" "$path" >/dev/null
    settle "$1" "$url_account" "$(other_of "$url_account")"
}

sync() {
    local path=$environment/app/$1/config
    parse "$(field database_url <<<"$(secret "$path")")"
    set_password "$url_account" "$url_password"
    settle "$1" "$url_account" "$(other_of "$url_account")"
}

sync_administrator() {
    local path password
    path=$(administrator_path)
    password=$(in_vault vault kv get -mount=secret -field=password "$path")
    sql <<<"set log_min_error_statement = panic; alter role stocks password $(quoted "$password");"
    say "$environment: the administrator's password is the one in secret/$path"
}

# Prod's password has two places: the one of an environment, and secret/db/stocksdb of an installation alone on its Vault. The
# one that was changed last counts.
administrator_path() {
    local own=$environment/db/stocksdb alone=db/stocksdb
    if [[ $environment == prod && $(changed_at "$alone") > $(changed_at "$own") ]]; then
        printf '%s' "$alone"
    else
        printf '%s' "$own"
    fi
}

# changed_at PATH: the time of its newest version, RFC 3339.
changed_at() {
    secret "$1" | field created_time
}

# Waits until the service has left the old account for the new one, and locks the old one.
settle() {
    local service=$1 new=$2 old=$3 left=0 deadline=$((SECONDS + MOVE_SECONDS))
    say "$environment: $service moves to $new"
    # Twice nothing, a look of the service apart: it may be between two connections.
    while ((left < 2)); do
        ((SECONDS < deadline)) ||
            refuse "$service has not moved to $new within $MOVE_SECONDS s; both accounts work: mend it, then $0 $environment sync"
        sleep 1.5
        if is_rendered "$service" "$new" && [[ $(sessions "$old") == 0 ]]; then
            left=$((left + 1))
        else
            left=0
        fi
    done
    sql <<<"alter role \"$old\" nologin password null;"
    say "$environment: $service uses $new; $old is locked"
}

is_rendered() {
    docker compose --file "docker-compose.$environment.yml" exec --no-TTY vault-agent \
        grep -q "://$2:" "/vault/secrets/$1/db.env" </dev/null
}

sessions() {
    sql <<<"select count(*) from pg_stat_activity where usename = '$1'"
}

# A statement that fails is not written to the server's log.
set_password() {
    sql <<<"set log_min_error_statement = panic; alter role \"$1\" login password $(quoted "$2");"
}

quoted() {
    printf "'%s'" "${1//\'/\'\'}"
}

sql() {
    docker exec --interactive "$environment-db" \
        psql --username stocks --dbname stocksdb --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1
}

other_of() {
    case $1 in
        *_a) printf '%s_b' "${1%_a}" ;;
        *_b) printf '%s_a' "${1%_b}" ;;
    esac
}

# parse URL: sets url_account, url_letter, url_password and url_rest.
parse() {
    [[ $1 =~ $URL_PATTERN ]] || refuse "the database_url in Vault is not postgresql://SERVICE_a:PASSWORD@…, or _b"
    url_account=${BASH_REMATCH[1]}
    url_letter=${BASH_REMATCH[2]}
    url_password=${BASH_REMATCH[3]}
    url_rest=${1#"${BASH_REMATCH[0]}"}
}

# secret PATH [VERSION]: as JSON, one member a line.
secret() {
    in_vault vault kv get -mount=secret -format=json ${2:+-version="$2"} "$1"
}

# field NAME: of such JSON.
field() {
    sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" | head -n 1
}

# The token is the first line that the shell in the container reads, what the command reads follows.
in_vault() {
    {
        printf '%s\n' "$VAULT_TOKEN"
        [[ -t 0 ]] || cat
    } | docker exec --interactive "${VAULT_CONTAINER:-vault}" \
        sh -c 'IFS= read -r VAULT_TOKEN; export VAULT_TOKEN; exec "$@"' sh "$@"
}

main "$@"
