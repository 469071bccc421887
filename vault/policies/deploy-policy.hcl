# For a job that deploys to ENVIRONMENT, which init.sh puts in: it pulls images, and gives the agent there its identity. The
# environment's secrets themselves it cannot read.
path "secret/data/harbor/*" {
  capabilities = ["read"]
}

path "auth/approle/role/app-ENVIRONMENT/role-id" {
  capabilities = ["read"]
}

path "auth/approle/role/app-ENVIRONMENT/secret-id" {
  capabilities = ["update"]
}
