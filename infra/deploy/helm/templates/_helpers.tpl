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

{{/* Where NATS is. The password is in the Secret, and expanded by Kubernetes. */}}
{{- define "daredevil.natsEnv" -}}
{{- if .Values.nats.inside -}}
{{ include "daredevil.fromSecret" (dict "root" . "key" "NATS_PASSWORD") }}
- name: DAREDEVIL_NATS_URL
  value: nats://daredevil:$(NATS_PASSWORD)@{{ include "daredevil.name" . }}-nats:4222
{{- else if not (hasKey .Values.settings "DAREDEVIL_NATS_URL") -}}
{{ include "daredevil.fromSecret" (dict "root" . "key" "DAREDEVIL_NATS_URL") }}
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
