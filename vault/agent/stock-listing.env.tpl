{{- with secret (printf "secret/data/%sapp/stock-listing/config" (env "SECRETS_PREFIX")) -}}
export DATABASE_URL="{{ .Data.data.database_url }}"
export DB_PASSWORD="{{ .Data.data.database_url | regexReplaceAll "^postgresql://[^:]+:([^@]+)@.*$" "$1" }}"
{{ with .Data.data.api_keys }}export API_KEYS={{ . | toJSON }}
{{ end }}{{ end -}}
