# One server with integrated storage. It is reached over the networks of this host alone, and there in plain HTTP; whoever
# publishes it further sets tls_cert_file and tls_key_file below, and https in both addresses.
ui = true

storage "raft" {
  path    = "/vault/file"
  node_id = "vault"
}

listener "tcp" {
  address     = "0.0.0.0:8200"
  tls_disable = true
}

api_addr     = "http://vault:8200"
cluster_addr = "http://vault:8201"

# Integrated storage maps its file into memory: locking it would keep all of it there. Hosts switch off or encrypt swap.
disable_mlock = true

default_lease_ttl = "1h"
max_lease_ttl     = "768h"
