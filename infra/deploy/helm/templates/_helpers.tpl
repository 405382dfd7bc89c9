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
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The files of NATS for one process, of all that are in the Secret: (dict "root" $ "user" NAME). */}}
{{- define "daredevil.natsFiles" -}}
{{- $given := .root.Values.nats.credentials -}}
{{- if or (include "daredevil.natsUsers" .root) (and (not .root.Values.nats.inside) $given.secret) -}}
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
{{- end }}
{{- end }}

{{- define "daredevil.natsMount" -}}
{{- if or (include "daredevil.natsUsers" .) (and (not .Values.nats.inside) .Values.nats.credentials.secret) -}}
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

{{/* Values that are right one by one and do not fit together end here, not as a pod that never becomes ready. */}}
{{- define "daredevil.checked" -}}
{{- $values := .Values }}
{{- $elsewhere := dict "DAREDEVIL_PARTITIONS" "nats.partitions" "DAREDEVIL_NATS_URL" "nats.url" "DAREDEVIL_DRAIN_S" "drainSeconds" }}
{{- range $name, $place := $elsewhere }}
  {{- if hasKey $values.settings $name }}{{ fail (printf "settings.%s has no effect: set %s" $name $place) }}{{ end }}
{{- end }}
{{- range $name := list "DAREDEVIL_PROBE_HOST" "DAREDEVIL_PROBE_PORT" "DAREDEVIL_HOST" "DAREDEVIL_PORT" "DAREDEVIL_DATA_DIR" }}
  {{- if hasKey $values.settings $name }}{{ fail (printf "settings.%s is the chart's own: leave it out" $name) }}{{ end }}
{{- end }}
{{- $needed := dict "bridge-livekit" (list "DAREDEVIL_LIVEKIT_URL") "projection-pulsar" (list "DAREDEVIL_PULSAR_URL" "DAREDEVIL_PULSAR_ADMIN_URL") }}
{{- range $process, $names := $needed }}
  {{- range $name := $names }}
    {{- if and (get $values.processes $process).enabled (not (get $values.settings $name)) }}
      {{- fail (printf "processes.%s needs settings.%s" $process $name) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if and (eq $values.postgres.where "off") (get $values.processes "projection-postgres").enabled }}
  {{- fail "postgres.where is off: disable processes.projection-postgres, too" }}
{{- end }}
{{- if and (gt (int $values.nats.partitions) 1) (get $values.processes "projection-pulsar").enabled }}
  {{- fail "processes.projection-pulsar reads a log of one partition: leave nats.partitions at 1, or disable it (docs/scale.md)" }}
{{- end }}
{{- if and $values.nats.inside (eq $values.nats.credentials.kind "creds") }}
  {{- fail "nats.credentials.kind: creds is for a NATS elsewhere; in here it is nkey or none" }}
{{- end }}
{{- end }}
