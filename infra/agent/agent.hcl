# The agent beside the platform: logs in, renews its token, and renders what Harbor, SonarQube and the runner's registrar start
# with, in memory, one folder for each reader. It keeps trying until Vault is there, open, and has these secrets.
vault {
  retry {
    num_retries = 12
  }
}

auto_auth {
  method "approle" {
    max_backoff = "10s"
    config = {
      role_id_file_path   = "/identity/role_id"
      secret_id_file_path = "/identity/secret_id"
      # A container made anew logs in with the same file.
      remove_secret_id_file_after_reading = false
    }
  }
}

template_config {
  exit_on_retry_failure         = false
  static_secret_render_interval = "1m"
}

template {
  source      = "/infra/agent/core.env.tpl"
  destination = "/vault/secrets/harbor-core/env"
  perms       = "0440"
}

template {
  contents    = "appname = Harbor\nrunmode = prod\nenablegzip = true\n\n[prod]\nhttpport = 8080\n"
  destination = "/vault/secrets/harbor-core/app.conf"
  perms       = "0440"
}

# What Harbor encrypts the passwords in its database with: sixteen characters.
template {
  contents    = "{{ with secret \"secret/data/infra/harbor\" }}{{ .Data.data.secret_key }}{{ end }}"
  destination = "/vault/secrets/harbor-core/key"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"transit/export/signing-key/harbor-token/1\" }}{{ index .Data.keys \"1\" }}{{ end }}"
  destination = "/vault/secrets/harbor-core/private_key.pem"
  perms       = "0440"
}

template {
  source      = "/infra/agent/jobservice.env.tpl"
  destination = "/vault/secrets/harbor-jobservice/env"
  perms       = "0440"
}

template {
  source      = "/infra/agent/jobservice.env.tpl"
  destination = "/vault/secrets/harbor-registryctl/env"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"secret/data/infra/harbor\" }}{{ sprig_htpasswd \"harbor_registry_user\" .Data.data.registry_password }}{{ end }}\n"
  destination = "/vault/secrets/harbor-registry/passwd"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"secret/data/infra/harbor\" }}{{ .Data.data.database_password }}{{ end }}"
  destination = "/vault/secrets/harbor-db/password"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"secret/data/infra/sonarqube\" }}{{ .Data.data.database_password }}{{ end }}"
  destination = "/vault/secrets/sonarqube-db/password"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"secret/data/infra/sonarqube\" }}SONAR_JDBC_PASSWORD='{{ .Data.data.database_password }}'\n{{ end }}"
  destination = "/vault/secrets/sonarqube/env"
  perms       = "0440"
}

template {
  contents    = "{{ with secret \"secret/data/infra/runner\" }}{{ .Data.data.github_token }}{{ end }}"
  destination = "/vault/secrets/runner-registrar/github_token"
  perms       = "0440"
}

# Last, and of all that the others are made of: once these are there, so are those.
template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/harbor-core/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/harbor-jobservice/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/harbor-registryctl/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/harbor-registry/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/harbor-db/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/sonarqube-db/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/sonarqube/.ready"
  perms       = "0440"
}

template {
  source      = "/infra/agent/ready.tpl"
  destination = "/vault/secrets/runner-registrar/.ready"
  perms       = "0440"
}
