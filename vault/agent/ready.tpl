{{- with secret (printf "secret/data/%sdb/stocksdb" (env "SECRETS_PREFIX")) }}{{ end -}}
{{- with secret (printf "secret/data/%sapp/stock-listing/config" (env "SECRETS_PREFIX")) }}{{ end -}}
{{- with secret (printf "secret/data/%sapp/trade/config" (env "SECRETS_PREFIX")) }}{{ end -}}
ready
