{{- with secret (printf "secret/data/%sdb/stocksdb" (env "SECRETS_PREFIX")) -}}
alter role "{{ .Data.data.username }}" password '{{ .Data.data.password }}';
{{ end -}}
{{- $url := "^postgresql://([a-z_]+):([^@']+)@.*$" -}}
{{- range $service := sprig_list "stock-listing" "trade" -}}
{{- with secret (printf "secret/data/%sapp/%s/config" (env "SECRETS_PREFIX") $service) -}}
alter role "{{ .Data.data.database_url | regexReplaceAll $url "$1" }}" login password '{{ .Data.data.database_url | regexReplaceAll $url "$2" }}';
{{ end -}}
{{- end -}}
