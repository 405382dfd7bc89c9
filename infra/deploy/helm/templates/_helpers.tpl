{{- define "daredevil.name" -}}
{{- printf "%s" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Labels that select the pods of one part: (dict "root" $ "part" NAME). */}}
{{- define "daredevil.selector" -}}
app.kubernetes.io/name: daredevil
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "daredevil.labels" -}}
{{ include "daredevil.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* What is there of a part: (dict "root" $ "part" NAME). */}}
{{- define "daredevil.metadata" -}}
name: {{ include "daredevil.name" .root }}-{{ .part }}
labels: {{- include "daredevil.labels" . | nindent 2 }}
{{- end }}

{{- define "daredevil.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Who a pod runs as, and how its copies are spread: (dict "root" $ "part" NAME "user" UID). */}}
{{- define "daredevil.pod" -}}
serviceAccountName: {{ include "daredevil.name" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .root.Values.spreadOver }}
topologySpreadConstraints:
  {{- range .root.Values.spreadOver }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "daredevil.selector" (dict "root" $.root "part" $.part) | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "daredevil.hardened" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* A variable from the Secret: (dict "root" $ "key" NAME). */}}
{{- define "daredevil.fromSecret" -}}
- name: {{ .key }}
  valueFrom:
    secretKeyRef: {name: {{ .root.Values.secret.existing }}, key: {{ .key }}, optional: {{ .optional | default false }}}
{{- end }}

{{/* Not empty if NATS in here has users of its own for each process. */}}
{{- define "daredevil.natsUsers" -}}
{{- if and .Values.nats.inside .Values.nats.credentials.secret (eq .Values.nats.credentials.kind "nkey") -}}true{{- end -}}
{{- end }}

{{/* Not empty if processes have files of NATS: keys or credentials of their own, certificates. */}}
{{- define "daredevil.natsSecret" -}}
{{- $given := .Values.nats.credentials -}}
{{- if .Values.nats.inside -}}
{{- include "daredevil.natsUsers" . -}}
{{- else if and $given.secret (or (ne $given.kind "none") $given.ca $given.clientCertificate) -}}
true
{{- end -}}
{{- end }}

{{/* A value as text: Go writes whole numbers from a million on as 1e+06. */}}
{{- define "daredevil.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}{{ printf "%.0f" . }}{{- else -}}{{ toString . }}{{- end -}}
{{- end }}

{{/* Where NATS is, and how a process proves who it is. */}}
{{- define "daredevil.natsEnv" -}}
{{- if .Values.nats.inside -}}
- name: DAREDEVIL_NATS_URL
  value: nats://{{ include "daredevil.name" . }}-nats:4222
- name: DAREDEVIL_NATS_REPLICAS
  value: {{ .Values.nats.replicas | quote }}
{{- if include "daredevil.natsUsers" . }}
- name: DAREDEVIL_NATS_NKEY_FILE
  value: /etc/daredevil/nats/{process}.nk
{{- else }}
- name: DAREDEVIL_NATS_USER
  value: daredevil
{{ include "daredevil.fromSecret" (dict "root" . "key" "DAREDEVIL_NATS_PASSWORD") }}
{{- end }}
{{- else -}}
- name: DAREDEVIL_NATS_URL
  value: {{ required "nats.url is needed where nats.inside is false" .Values.nats.url | quote }}
- name: DAREDEVIL_NATS_REPLICAS
  value: {{ .Values.nats.replicas | quote }}
{{- range $key := list "DAREDEVIL_NATS_USER" "DAREDEVIL_NATS_PASSWORD" "DAREDEVIL_NATS_TOKEN" }}
{{ include "daredevil.fromSecret" (dict "root" $ "key" $key "optional" true) }}
{{- end }}
{{- with .Values.nats.credentials }}
{{- if .secret }}
{{- if eq .kind "creds" }}
- name: DAREDEVIL_NATS_CREDS_FILE
  value: /etc/daredevil/nats/{process}.creds
{{- else if eq .kind "nkey" }}
- name: DAREDEVIL_NATS_NKEY_FILE
  value: /etc/daredevil/nats/{process}.nk
{{- end }}
{{- if .ca }}
- name: DAREDEVIL_NATS_TLS_CA_FILE
  value: /etc/daredevil/nats/ca.crt
{{- end }}
{{- if .clientCertificate }}
- name: DAREDEVIL_NATS_TLS_CERT_FILE
  value: /etc/daredevil/nats/tls.crt
- name: DAREDEVIL_NATS_TLS_KEY_FILE
  value: /etc/daredevil/nats/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files of NATS for one process, of all that are in the Secret: (dict "root" $ "user" NAME). */}}
{{- define "daredevil.natsFiles" -}}
{{- $given := .root.Values.nats.credentials -}}
{{- if include "daredevil.natsSecret" .root -}}
- name: nats
  secret:
    secretName: {{ $given.secret }}
    defaultMode: 0440
    items:
      {{- if ne $given.kind "none" }}
      {{- $file := printf "%s.%s" .user (ternary "creds" "nk" (eq $given.kind "creds")) }}
      - {key: {{ $file }}, path: {{ $file }}}
      {{- end }}
      {{- if and $given.ca (not .root.Values.nats.inside) }}
      - {key: ca.crt, path: ca.crt}
      {{- end }}
      {{- if and $given.clientCertificate (not .root.Values.nats.inside) }}
      - {key: tls.crt, path: tls.crt}
      - {key: tls.key, path: tls.key}
      {{- end }}
{{- end }}
{{- end }}

{{- define "daredevil.natsMount" -}}
{{- if include "daredevil.natsSecret" . -}}
- {name: nats, mountPath: /etc/daredevil/nats, readOnly: true}
{{- end }}
{{- end }}

{{/* The secrets of a process: (dict "root" $ "process" ROW). */}}
{{- define "daredevil.secretEnv" -}}
{{- $root := .root }}
{{- $postgres := $root.Values.postgres.where }}
{{- range .process.secrets }}
{{- if ne . "DAREDEVIL_POSTGRES_URL" }}
{{ include "daredevil.fromSecret" (dict "root" $root "key" . "optional" true) }}
{{- else if eq $postgres "inside" }}
{{ include "daredevil.fromSecret" (dict "root" $root "key" "POSTGRES_PASSWORD") }}
- name: DAREDEVIL_POSTGRES_URL
  value: postgresql://daredevil:$(POSTGRES_PASSWORD)@{{ include "daredevil.name" $root }}-postgres:5432/daredevil
{{- else if eq $postgres "elsewhere" }}
{{ include "daredevil.fromSecret" (dict "root" $root "key" .) }}
{{- else }}
- {name: DAREDEVIL_POSTGRES_URL, value: "off"}
{{- end }}
{{- end }}
{{- if .process.engines }}
{{- range $root.Values.secret.engineKeys }}
{{ include "daredevil.fromSecret" (dict "root" $root "key" .) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Whether the copies of a process are counted by an autoscaler: (dict "root" $ "process" ROW); empty if not. */}}
{{- define "daredevil.scaled" -}}
{{- if and (ne .root.Values.autoscaling.by "none") .process.scaling .process.scaling.max -}}yes{{- end -}}
{{- end }}
