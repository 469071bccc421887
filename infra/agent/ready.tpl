{{- with secret "secret/data/infra/harbor" }}{{ end -}}
{{- with secret "secret/data/infra/sonarqube" }}{{ end -}}
{{- with secret "secret/data/infra/runner" }}{{ end -}}
{{- with secret "transit/export/signing-key/harbor-token/1" }}{{ end -}}
ready
