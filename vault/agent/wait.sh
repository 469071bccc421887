#!/bin/sh
# Waits until the agent has rendered the secrets of each reader: the container `wait-for-vault` of docker-compose.base.yml.
# Says what is missing when that changes, and ends with 1 after WAIT_SECONDS.
set -eu

readonly READERS="db stock-listing trade"
export VAULT_CLIENT_TIMEOUT=2 VAULT_MAX_RETRIES=0

main() {
    said=
    deadline=$(($(date +%s) + ${WAIT_SECONDS:-180}))
    until is_rendered; do
        say_why
        if [ "$(date +%s)" -ge "$deadline" ]; then
            printf 'error: no secrets within %s s: %s\n' "${WAIT_SECONDS:-180}" "$said" >&2
            exit 1
        fi
        sleep 1
    done
}

is_rendered() {
    for reader in $READERS; do
        [ -f "/vault/secrets/$reader/.ready" ] || return 1
    done
}

say_why() {
    # It ends with 2 when Vault is sealed.
    code=0
    vault status >/dev/null 2>&1 || code=$?
    case $code in
        0) why="Vault is open; the agent has not rendered yet. If it stays so: docker logs stocks-${SECRETS_PREFIX%/}-vault-agent-1" ;;
        2) why="Vault is sealed: vault/dev.sh up on a laptop, else three times: docker exec -it vault vault operator unseal" ;;
        *) why="Vault does not answer at $VAULT_ADDR: docker compose -f docker-compose.vault.yml up -d" ;;
    esac
    if [ "$why" != "$said" ]; then printf 'waiting for the secrets: %s\n' "$why" >&2; fi
    said=$why
}

main
