{{- with secret "secret/data/infra/harbor" -}}
HARBOR_ADMIN_PASSWORD='{{ .Data.data.admin_password }}'
POSTGRESQL_PASSWORD='{{ .Data.data.database_password }}'
CORE_SECRET='{{ .Data.data.core_secret }}'
JOBSERVICE_SECRET='{{ .Data.data.jobservice_secret }}'
REGISTRY_CREDENTIAL_PASSWORD='{{ .Data.data.registry_password }}'
CSRF_KEY='{{ .Data.data.csrf_key }}'
{{ end -}}
