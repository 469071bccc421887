# For the agent of an installation: its database and its services. init.sh loads it for each environment, with
# secret/data/ENVIRONMENT/ instead of secret/data/; and as `app`, for all of these paths together.
path "secret/data/db/*" {
  capabilities = ["read"]
}

path "secret/data/app/*" {
  capabilities = ["read"]
}
