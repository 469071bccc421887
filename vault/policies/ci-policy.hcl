# For the pipeline: what it needs to build, analyse and push. No environment's secrets.
path "secret/data/ci/*" {
  capabilities = ["read"]
}

path "secret/data/harbor/*" {
  capabilities = ["read"]
}

path "secret/data/sonarqube/*" {
  capabilities = ["read"]
}
