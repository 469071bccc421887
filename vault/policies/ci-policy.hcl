# For the pipeline: what it needs to build, analyse, push, and test what it deploys. No environment's secrets but the key of smoke
# tests, which trades for a user of its own.
path "secret/data/ci/*" {
  capabilities = ["read"]
}

path "secret/data/harbor/*" {
  capabilities = ["read"]
}

path "secret/data/sonarqube/*" {
  capabilities = ["read"]
}

path "secret/data/+/smoke" {
  capabilities = ["read"]
}
