# For a job that deploys to ENVIRONMENT, which init.sh puts in: it pulls images, and gives the agent there its identity. What
# the environment's services know it cannot read.
path "secret/data/harbor/*" {
  capabilities = ["read"]
}

# The key of smoke tests.
path "secret/data/ENVIRONMENT/smoke" {
  capabilities = ["read"]
}

path "auth/approle/role/app-ENVIRONMENT/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/app-ENVIRONMENT/secret-id" {
  capabilities = ["update"]
}
