{{- with secret (printf "secret/data/%sapp/trade/config" (env "SECRETS_PREFIX")) -}}
export DATABASE_URL="{{ .Data.data.database_url }}"
export DB_PASSWORD="{{ .Data.data.database_url | regexReplaceAll "^postgresql://[^:]+:([^@]+)@.*$" "$1" }}"
{{ with .Data.data.api_keys }}export API_KEYS={{ . | toJSON }}
{{ end }}{{ with .Data.data.catalogue_key }}export CATALOGUE_KEY="{{ . }}"
{{ end }}{{ end -}}
