#!/bin/sh
# Copies what Vault's container needs from a checkout into its volume: the container `vault-files` of docker-compose.vault.yml.
set -eu
umask 022

[ -f /checkout/init.sh ] || {
    echo "error: the checkout is not on the engine's host, or is empty: start Vault from a checkout that is there" >&2
    exit 1
}
cd /checkout
mkdir -p /vault/scripts/policies
# By a rename, since a shell may be reading the file before it.
for file in config.hcl init.sh serve.sh policies/*.hcl; do
    cp "$file" "/vault/scripts/$file.new"
    chmod 0644 "/vault/scripts/$file.new"
    mv -f "/vault/scripts/$file.new" "/vault/scripts/$file"
done

# For init.sh, which reads lines and runs nothing of it.
cat >/vault/scripts/settings.new <<SETTINGS
GITHUB_ORG=$GITHUB_ORG
GITHUB_REPO=$GITHUB_REPO
GITHUB_DEFAULT_BRANCH=$GITHUB_DEFAULT_BRANCH
GITHUB_ISSUER=$GITHUB_ISSUER
STOCKS_VAULT_ADDR=$STOCKS_VAULT_ADDR
SETTINGS
mv -f /vault/scripts/settings.new /vault/scripts/settings
