{{- define "mamba.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "mamba.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains (include "mamba.name" .) .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "mamba.name" .) | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mamba.selector" -}}
app.kubernetes.io/name: {{ include "mamba.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "mamba.redisSelector" -}}
app.kubernetes.io/name: {{ include "mamba.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: redis
{{- end }}

{{- define "mamba.about" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "mamba.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "mamba.secret" -}}
{{- if .Values.existingSecret }}
{{- .Values.existingSecret }}
{{- else if .Values.secrets }}
{{- include "mamba.fullname" . }}
{{- end }}
{{- end }}

{{/* The settings, with those that a Redis of the chart's own asks for below what the values say. */}}
{{- define "mamba.settings" -}}
{{- $settings := deepCopy .Values.settings }}
{{- if .Values.redis.enabled }}
{{- $url := printf "redis://%s-redis:6379/0" (include "mamba.fullname" .) }}
{{- $shared := dict "streams" (dict "adapter" "redis" "on_disconnect" "linger") "limits" (dict "storage" "redis") "redis" (dict "url" $url) }}
{{- $settings = mergeOverwrite $shared $settings }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{/* server.grace, which counts from SIGTERM, a second for the last words, and some to spare. */}}
{{- define "mamba.terminationGrace" -}}
{{- $server := default dict .Values.settings.server }}
{{- $grace := 25 }}
{{- if hasKey $server "grace" }}{{ $grace = $server.grace }}{{ end }}
{{- add (ceil $grace) 10 }}
{{- end }}

{{- define "mamba.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: [ALL]
{{- end }}
