# The agent beside an environment's services: logs in, renews its token, and renders the secrets again when they change. It
# keeps trying for as long as Vault is away; what is rendered stays meanwhile.
vault {
  retry {
    num_retries = 12
  }
}

auto_auth {
  method "approle" {
    # Soon back when Vault is.
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
  static_secret_render_interval = "10s"
}

# For the database's first boot.
template {
  source      = "/files/agent/roles.sql.tpl"
  destination = "/vault/secrets/db/roles.sql"
  perms       = "0440"
}

template {
  source      = "/files/agent/stock-listing.env.tpl"
  destination = "/vault/secrets/stock-listing/db.env"
  perms       = "0400"
}

template {
  source      = "/files/agent/trade.env.tpl"
  destination = "/vault/secrets/trade/db.env"
  perms       = "0400"
}

# Last, and of all that the others are made of: once this file is there, so are those.
template {
  source      = "/files/agent/ready.tpl"
  destination = "/vault/secrets/db/.ready"
  perms       = "0440"
}

template {
  source      = "/files/agent/ready.tpl"
  destination = "/vault/secrets/stock-listing/.ready"
  perms       = "0440"
}

template {
  source      = "/files/agent/ready.tpl"
  destination = "/vault/secrets/trade/.ready"
  perms       = "0440"
}
