{{- with secret "secret/data/infra/harbor" -}}
CORE_SECRET='{{ .Data.data.core_secret }}'
JOBSERVICE_SECRET='{{ .Data.data.jobservice_secret }}'
REGISTRY_CREDENTIAL_PASSWORD='{{ .Data.data.registry_password }}'
{{ end -}}
