#!/bin/sh
# Bootstraps Vault, from within its container:
#
#   docker compose -f docker-compose.vault.yml exec vault sh /vault/scripts/init.sh
#
# Initialises and unseals; enables the key-value store, both ways to log in and both audit devices; loads the policies; makes
# the roles; seeds the secrets with passwords made by Vault. May be run again at any time, after an interruption at any line
# as well: what is there stays as it is. A Vault that was initialised before asks for its unseal keys and for a token.
#
#   --pgp-keys=FILE,...       encrypts each unseal key to a person, instead of printing it
#   --new-secret-ids=ROLE,... issues another secret id for each of these roles (ci, app, app-dev, app-stage, app-prod, infra)
#   --dev                     issues secret ids for all roles, once, as an environment on a laptop needs them
#
# What it makes goes to the standard output as NAME=value lines, once; all else that it says, to the standard error.
# No secret is an argument of a command: those are seen in the list of processes.
set -eu

readonly ENVIRONMENTS="dev stage prod"
HERE=$(dirname "$0")
readonly HERE
readonly POLICIES="${POLICIES:-$HERE/policies}"
# Where images are pushed to.
readonly REGISTRY=myregistry.local:5000
readonly AGAIN="docker compose -f docker-compose.vault.yml exec vault sh /vault/scripts/init.sh"
readonly SHARES=5
readonly THRESHOLD=3

main() {
    pgp_keys=
    new_secret_ids=
    is_dev=false
    for argument in "$@"; do
        case $argument in
            --pgp-keys=?*) pgp_keys=${argument#*=} ;;
            --new-secret-ids=?*) new_secret_ids=$(printf '%s' "${argument#*=}" | tr ',' ' ') ;;
            --dev) is_dev=true ;;
            *) die "unknown option $argument; see the head of this file" 2 ;;
        esac
    done

    read_settings
    if is_initialised; then unseal; else initialise; fi
    log_in
    enable_engines
    load_policies
    make_roles
    seed
    print_credentials
    say "The services' own database passwords: vault/rotate.sh ENV. The administrator's, after \`vault kv patch\`: vault/rotate.sh ENV sync."
    say "Vault is ready."
}

# A variable of this shell comes first; then what .env says, as the container vault-files has left it beside this file.
read_settings() {
    GITHUB_ORG=$(setting GITHUB_ORG)
    GITHUB_REPO=$(setting GITHUB_REPO)
    GITHUB_ISSUER=$(setting GITHUB_ISSUER)
    # A GitHub Enterprise Server has https://HOST/_services/token
    GITHUB_ISSUER=${GITHUB_ISSUER:-https://token.actions.githubusercontent.com}
    GITHUB_DEFAULT_BRANCH=$(setting GITHUB_DEFAULT_BRANCH)
    GITHUB_DEFAULT_BRANCH=${GITHUB_DEFAULT_BRANCH:-main}
    INSIDE_ADDR=$(setting STOCKS_VAULT_ADDR)
    INSIDE_ADDR=${INSIDE_ADDR:-http://vault:8200}
}

# setting NAME: its value; a placeholder of .env.example, such as your-org, counts as unset.
setting() {
    value=$(printenv "$1") || value=
    if [ -z "$value" ] && [ -f "$HERE/settings" ]; then value=$(sed -n "s/^$1=//p" "$HERE/settings"); fi
    case $value in
        your-* | "<"*">") ;;
        *) printf '%s' "$value" ;;
    esac
}

say() {
    printf '%s\n' "$*" >&2
}

warn() {
    say "warning: $1"
}

die() {
    say "error: $1"
    exit "${2:-1}"
}

# `vault status` ends with 0 unsealed, 2 sealed, 1 without an answer.
status() {
    code=0
    text=$(vault status -format=table 2>&1) || code=$?
    [ "$code" -ne 1 ] || die "Vault does not answer: $text"
}

is_initialised() {
    status
    printf '%s\n' "$text" | grep -q '^Initialized  *true'
}

# Asks for a line, unseen where there is a terminal.
ask() {
    if [ -t 0 ]; then
        printf '%s: ' "$1" >&2
        stty -echo
        IFS= read -r answer || answer=
        stty echo
        printf '\n' >&2
    else
        IFS= read -r answer || answer=
    fi
    [ -n "$answer" ] || die "$1 is wanted on the standard input"
}

initialise() {
    say "initialising: $SHARES unseal keys, of which $THRESHOLD open it"
    set -- -key-shares="$SHARES" -key-threshold="$THRESHOLD" -format=table
    if [ -n "$pgp_keys" ]; then set -- "$@" -pgp-keys="$pgp_keys"; fi
    # They are printed before anything else can go wrong: nobody can ask for them again.
    made=$(vault operator init "$@")
    printf '%s\n' "$made" | sed -n \
        -e 's/^Unseal Key \([0-9]*\): /UNSEAL_KEY_\1=/p' \
        -e 's/^Initial Root Token: /ROOT_TOKEN=/p'
    VAULT_TOKEN=$(printf '%s\n' "$made" | sed -n 's/^Initial Root Token: //p')
    export VAULT_TOKEN
    if [ -n "$pgp_keys" ]; then
        say "Unseal it with $THRESHOLD of the keys, each decrypted by its owner (vault operator unseal), and run this again."
        exit 0
    fi
    for number in $(seq "$THRESHOLD"); do
        printf '%s\n' "$made" | sed -n "s/^Unseal Key $number: //p" | give_key
    done
    wait_until_active
}

unseal() {
    while status && [ "$code" -eq 2 ]; do
        ask "unseal key"
        printf '%s' "$answer" | give_key
    done
    wait_until_active
}

give_key() {
    tr -d '\n' | vault write sys/unseal key=- >/dev/null
}

# An unsealed Vault takes a moment to become its cluster's leader.
wait_until_active() {
    for _ in $(seq 60); do
        status
        if [ "$code" -eq 0 ] && printf '%s\n' "$text" | grep -q '^HA Mode  *active'; then return; fi
        sleep 0.5
    done
    die "Vault is not active within 30 s: $text"
}

log_in() {
    if [ -z "${VAULT_TOKEN:-}" ]; then
        ask "token (root, or of the policy admin)"
        VAULT_TOKEN=$answer
        export VAULT_TOKEN
    fi
    vault token lookup >/dev/null 2>&1 || die "Vault does not take this token"
}

# has PATH COMMAND...: whether the list that the command prints has this path.
has() {
    wanted=$1
    shift
    "$@" -format=json | grep -qF "\"$wanted\""
}

enable_engines() {
    has file/ vault audit list -detailed || vault audit enable file file_path=/vault/logs/audit.log >&2
    has stdout/ vault audit list -detailed || vault audit enable -path=stdout file file_path=stdout >&2
    has secret/ vault secrets list || vault secrets enable -path=secret -version=2 kv >&2
    has transit/ vault secrets list || vault secrets enable transit >&2
    has approle/ vault auth list || vault auth enable approle >&2
    has jwt/ vault auth list || vault auth enable jwt >&2
}

load_policies() {
    for name in admin ci infra; do
        vault policy write "$name" "$POLICIES/$name-policy.hcl" >/dev/null
    done
    # One pair for all environments, as .env takes it, reads the secrets of each.
    {
        cat "$POLICIES/app-policy.hcl"
        for environment in $ENVIRONMENTS; do app_policy "$environment"; done
    } | vault policy write app - >/dev/null
    for environment in $ENVIRONMENTS; do
        app_policy "$environment" | vault policy write "app-$environment" - >/dev/null
        sed "s#ENVIRONMENT#$environment#" "$POLICIES/deploy-policy.hcl" |
            vault policy write "deploy-$environment" - >/dev/null
    done
    say "policies: admin, ci, infra, and app and deploy for each environment"
}

# app_policy ENVIRONMENT: the policy app on the paths of one environment.
app_policy() {
    sed "s#\"secret/data/#&$1/#" "$POLICIES/app-policy.hcl"
}

make_roles() {
    # A pipeline's run is over within the hour. An agent's token lives as long as it is renewed.
    vault write auth/approle/role/ci token_policies=ci token_ttl=1h token_max_ttl=1h >/dev/null
    for role in app $(prefixed app) infra; do
        vault write "auth/approle/role/$role" token_policies="$role" token_period=12h >/dev/null
    done
    say "AppRoles: ci app $(prefixed app) infra"

    # GitHub's own tokens, so that no secret is stored there at all.
    if [ -z "${GITHUB_ORG:-}" ] || [ -z "${GITHUB_REPO:-}" ]; then
        say "no roles for GitHub's tokens: GITHUB_ORG and GITHUB_REPO are not set. To add them later, set both in .env, and
  docker compose -f docker-compose.vault.yml up -d && $AGAIN"
        return
    fi
    if ! vault read auth/jwt/config >/dev/null 2>&1 &&
        ! vault write auth/jwt/config oidc_discovery_url="$GITHUB_ISSUER" bound_issuer="$GITHUB_ISSUER" >/dev/null; then
        warn "no roles for GitHub's tokens: Vault does not reach $GITHUB_ISSUER. AppRoles work without them. To add them later:
  $AGAIN"
        return
    fi
    # A name stands in a glob and in JSON, so it has no character that means anything there.
    if contains "$GITHUB_ORG$GITHUB_REPO" '[^A-Za-z0-9._-]' || contains "$GITHUB_DEFAULT_BRANCH" '[^A-Za-z0-9._/-]'; then
        warn "no roles for GitHub's tokens: GITHUB_ORG and GITHUB_REPO must consist of letters, digits, '.', '_' and '-',
GITHUB_DEFAULT_BRANCH of those and '/'. To add them later, set them in .env, and
  docker compose -f docker-compose.vault.yml up -d && $AGAIN"
        return
    fi
    develop="ci-cd.yml@refs/heads/develop" release="ci-cd.yml@refs/heads/release/*" version="ci-cd.yml@refs/tags/v*"
    rollback="rollback.yml@refs/heads/$GITHUB_DEFAULT_BRANCH"
    github_role ci "" "$develop" "$release" "$version"
    github_role deploy-dev dev "$develop" "$rollback"
    github_role deploy-stage stage "$release" "$rollback"
    github_role deploy-prod prod "$version" "$rollback"
    say "roles for GitHub's tokens: ci $(prefixed deploy), of $GITHUB_ORG/$GITHUB_REPO"
}

# contains TEXT PATTERN
contains() {
    printf '%s' "$1" | grep -q "$2"
}

# github_role NAME ENVIRONMENT WORKFLOW@REF...: for runs of these workflow files at these refs, in this GitHub environment
# unless that is empty. The policy has the role's name. In a glob of Vault `*` is any text, `/` included, and nothing else is special.
github_role() {
    role=$1
    claims=
    workflows=
    if [ -n "$2" ]; then claims="\"environment\": \"$2\","; fi
    shift 2
    for workflow in "$@"; do
        workflows="$workflows${workflows:+, }\"$GITHUB_ORG/$GITHUB_REPO/.github/workflows/$workflow\""
    done
    # A pull request's token names the workflow at the base branch when the event is pull_request_target.
    vault write "auth/jwt/role/$role" - >/dev/null <<JSON
{
  "role_type": "jwt",
  "user_claim": "job_workflow_ref",
  "bound_audiences": ["https://github.com/$GITHUB_ORG"],
  "bound_claims_type": "glob",
  "bound_claims": {
    "repository": "$GITHUB_ORG/$GITHUB_REPO",
    "event_name": ["push", "workflow_dispatch", "schedule"],
    $claims
    "job_workflow_ref": [$workflows]
  },
  "token_policies": ["$role"],
  "token_ttl": "1h",
  "token_max_ttl": "1h"
}
JSON
}

prefixed() {
    names=
    for environment in $ENVIRONMENTS; do names="$names $1-$environment"; done
    printf '%s' "${names# }"
}

seed() {
    put ci/pipeline "{\"harbor_registry\": \"$REGISTRY\", \"harbor_username\": \"robot\$ci\",
        \"harbor_password\": \"$(password)\", \"sonar_token\": \"$(password)\"}"
    # The same ones, under the names that people look for.
    harbor=$(vault kv get -mount=secret -field=harbor_password ci/pipeline)
    sonar=$(vault kv get -mount=secret -field=sonar_token ci/pipeline)
    put harbor/registry "{\"username\": \"robot\$ci\", \"password\": \"$harbor\", \"registry\": \"$REGISTRY\"}"
    put sonarqube/token "{\"token\": \"$sonar\"}"
    seed_platform
    # The layout of an installation alone on its Vault, and one of each environment.
    seed_installation "" prod
    for environment in $ENVIRONMENTS; do
        seed_installation "$environment/" "$environment"
    done
}

# What the parts of Harbor and SonarQube know each other by, and their administrators' passwords (docker-compose.infra.yml).
seed_platform() {
    put infra/harbor "{\"admin_password\": \"$(strong_password)\", \"database_password\": \"$(password)\",
        \"core_secret\": \"$(password)\", \"jobservice_secret\": \"$(password)\", \"registry_password\": \"$(password)\",
        \"csrf_key\": \"$(random 16)\", \"secret_key\": \"$(random 8)\"}"
    put infra/sonarqube "{\"admin_password\": \"$(strong_password)\", \"database_password\": \"$(password)\"}"
    put infra/runner "{\"github_token\": \"\"}"
    # Harbor signs its tokens with it.
    if ! vault read transit/keys/harbor-token >/dev/null 2>&1; then
        vault write transit/keys/harbor-token type=rsa-4096 exportable=true >/dev/null
        say "made the key transit/keys/harbor-token"
    fi
}

# seed_installation PREFIX ENVIRONMENT
seed_installation() {
    put "${1}db/stocksdb" "{\"username\": \"stocks\", \"password\": \"$(password)\", \"host\": \"db\",
        \"port\": \"5432\", \"name\": \"stocksdb\"}"
    for service in stock-listing trade; do
        account=$(printf '%s_a' "$service" | tr '-' '_')
        put "${1}app/$service/config" "{\"app_env\": \"$2\",
            \"database_url\": \"postgresql://$account:$(password)@db:5432/stocksdb\"}"
    done
}

# put PATH JSON: unless there is something already. The 0 makes Vault itself refuse to replace it.
put() {
    if vault kv metadata get -mount=secret "$1" >/dev/null 2>&1; then return; fi
    printf '%s' "$2" | vault kv put -mount=secret -cas=0 "$1" - >/dev/null
    say "seeded secret/$1"
}

# 192 random bits that need no escape anywhere.
password() {
    random 24
}

# The same, with a capital and something that is neither letter nor digit, where a product wants those.
strong_password() {
    printf 'aA1-%s' "$(password)"
}

# random BYTES: in hexadecimal, two characters a byte.
random() {
    vault write -field=random_bytes "sys/tools/random/$1" format=hex
}

print_credentials() {
    printf 'VAULT_ADDR=%s\n' "$INSIDE_ADDR"
    print_role ci VAULT
    say "APP_VAULT_*: for .env and the agents of dev, stage and prod. It reads the secrets of all three, so that a pair for each
  environment is better: --new-secret-ids=app-dev,app-stage,app-prod prints those (vault/approle/ENV/role_id and secret_id)"
    print_role app APP_VAULT
    for environment in $ENVIRONMENTS; do
        if "$is_dev" || is_named "app-$environment"; then
            print_role "app-$environment" "$(printf '%s' "$environment" | tr '[:lower:]' '[:upper:]')_APP_VAULT"
        fi
    done
    if "$is_dev" || is_named infra; then print_role infra INFRA_VAULT; fi
}

# print_role ROLE PREFIX: its id, and a secret id when it has none yet or when another is wanted.
print_role() {
    printf '%s_ROLE_ID=%s\n' "$2" "$(vault read -field=role_id "auth/approle/role/$1/role-id")"
    if ! is_named "$1" && vault list "auth/approle/role/$1/secret-id" >/dev/null 2>&1; then
        say "$1 has a secret id already; --new-secret-ids=$1 issues another"
        return
    fi
    printf '%s_SECRET_ID=%s\n' "$2" "$(vault write -force -field=secret_id "auth/approle/role/$1/secret-id")"
}

is_named() {
    case " $new_secret_ids " in
        *" $1 "*) return 0 ;;
        *) return 1 ;;
    esac
}

main "$@"
