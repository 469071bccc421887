# For the agent of an installation: its database and its services. init.sh loads it as it stands for an installation alone on
# its Vault, and once more for each environment, with secret/data/ENVIRONMENT/ in the place of secret/data/.
path "secret/data/db/*" {
  capabilities = ["read"]
}

path "secret/data/app/*" {
  capabilities = ["read"]
}
