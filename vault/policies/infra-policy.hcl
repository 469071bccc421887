# For the agent of the platform: what Harbor, SonarQube and the runner's registrar start with. No environment's secrets.
path "secret/data/infra/*" {
  capabilities = ["read"]
}

path "transit/export/signing-key/harbor-token/*" {
  capabilities = ["read"]
}
