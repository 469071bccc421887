# For people who operate Vault: all paths. A token of this policy expires, which the root token does not.
path "*" {
  capabilities = ["create", "read", "update", "patch", "delete", "list", "sudo"]
}
