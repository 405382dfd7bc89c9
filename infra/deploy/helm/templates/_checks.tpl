{{/* Values that are right one by one and do not fit together end here, not as a pod that never becomes ready. */}}
{{- define "daredevil.checked" -}}
{{- include "daredevil.checkedSettings" . }}
{{- include "daredevil.checkedNats" . }}
{{- include "daredevil.checkedProcesses" . }}
{{- end }}

{{/* Settings that this version does not know, that are secret, that it would refuse, or that the chart sets. */}}
{{- define "daredevil.checkedSettings" -}}
{{- $values := .Values }}
{{- $elsewhere := dict "DAREDEVIL_PARTITIONS" "nats.partitions" "DAREDEVIL_NATS_URL" "nats.url" "DAREDEVIL_NATS_REPLICAS" "nats.replicas" "DAREDEVIL_DRAIN_S" "drainSeconds" }}
{{- range $name := list "NKEY_FILE" "CREDS_FILE" "TLS_CA_FILE" "TLS_CERT_FILE" "TLS_KEY_FILE" }}
  {{- $_ := set $elsewhere (printf "DAREDEVIL_NATS_%s" $name) "nats.credentials" }}
{{- end }}
{{- $_ := set $elsewhere "DAREDEVIL_POSTGRES_URL" (printf "postgres.where, and for one elsewhere the key DAREDEVIL_POSTGRES_URL of the Secret %s" $values.secret.existing) }}
{{- range $name, $place := $elsewhere }}
  {{- if hasKey $values.settings $name }}{{ fail (printf "settings.%s has no effect: set %s" $name $place) }}{{ end }}
{{- end }}
{{- range $name := list "DAREDEVIL_PROBE_HOST" "DAREDEVIL_PROBE_PORT" "DAREDEVIL_HOST" "DAREDEVIL_PORT" "DAREDEVIL_DATA_DIR" }}
  {{- if hasKey $values.settings $name }}{{ fail (printf "settings.%s is the chart's own: leave it out" $name) }}{{ end }}
{{- end }}
{{- if and $values.llm.enabled (hasKey $values.settings "DAREDEVIL_LLM_URL") }}
  {{- fail "settings.DAREDEVIL_LLM_URL is for a model elsewhere, and llm.enabled starts one in here: leave one of them out" }}
{{- end }}
{{- $known := .Files.Get "files/settings.json" | fromJson }}
{{- range $name, $value := $values.settings }}
  {{- if and (hasPrefix "DAREDEVIL_" $name) (not (hasKey $known (trimSuffix "_FILE" $name))) }}
    {{- if not (hasKey $known $name) }}{{ fail (printf "settings.%s is no setting of this version: docs/settings.md lists them" $name) }}{{ end }}
  {{- end }}
  {{- with get $known $name }}
    {{- $text := include "daredevil.text" $value }}
    {{- if and .secret (not (regexMatch (.unless | default "^$") $text)) }}
      {{- fail (printf "settings.%s is a secret, and settings are readable for many: make it a key of the Secret %s" $name $values.secret.existing) }}
    {{- end }}
    {{- if .pattern }}
      {{- $number := float64 $text }}
      {{- $low := or (and (hasKey . "ge") (lt $number (float64 .ge))) (and (hasKey . "gt") (le $number (float64 .gt))) }}
      {{- $high := or (and (hasKey . "le") (gt $number (float64 .le))) (and (hasKey . "lt") (ge $number (float64 .lt))) }}
      {{- if or (not (regexMatch .pattern $text)) (and $text (or $low $high)) }}
        {{- fail (printf "settings.%s=%s: must be %s" $name $text .words) }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where NATS is, and what proves who asks. */}}
{{- define "daredevil.checkedNats" -}}
{{- $nats := .Values.nats }}
{{- $given := $nats.credentials }}
{{- if and (ne $given.kind "none") (not $given.secret) }}
  {{- fail (printf "nats.credentials.kind is %s: name the Secret with a file for each process in nats.credentials.secret, or set kind to none" $given.kind) }}
{{- end }}
{{- if $nats.inside }}
  {{- if $nats.url }}{{ fail "nats.url is for a NATS elsewhere: set nats.inside to false, or leave it out" }}{{ end }}
  {{- if eq $given.kind "creds" }}{{ fail "nats.credentials.kind: creds is for a NATS elsewhere; in here it is nkey or none" }}{{ end }}
  {{- range $name := list "ca" "clientCertificate" }}
    {{- if get $given $name }}{{ fail (printf "nats.credentials.%s is for a NATS elsewhere: the one in here has no TLS" $name) }}{{ end }}
  {{- end }}
{{- else }}
  {{- if contains "@" $nats.url }}
    {{- fail (printf "nats.url has a user or a password, and is readable for many: make them keys of the Secret %s (DAREDEVIL_NATS_USER, DAREDEVIL_NATS_PASSWORD)" .Values.secret.existing) }}
  {{- end }}
  {{- if and (or $given.ca $given.clientCertificate) (not $given.secret) }}
    {{- fail "nats.credentials.ca and clientCertificate are files of a Secret: name it in nats.credentials.secret" }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What a process needs beside its row. */}}
{{- define "daredevil.checkedProcesses" -}}
{{- $values := .Values }}
{{- $needed := dict "bridge-livekit" (list "DAREDEVIL_LIVEKIT_URL") "projection-pulsar" (list "DAREDEVIL_PULSAR_URL" "DAREDEVIL_PULSAR_ADMIN_URL") }}
{{- range $process, $names := $needed }}
  {{- range $name := $names }}
    {{- if and (get $values.processes $process).enabled (not (get $values.settings $name)) }}
      {{- fail (printf "processes.%s needs settings.%s" $process $name) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- if and (eq (get $values.settings "DAREDEVIL_TOOLS" | toString) "remote") (not $values.processes.tools.enabled) }}
  {{- fail "settings.DAREDEVIL_TOOLS is remote: enable processes.tools, which runs them" }}
{{- end }}
{{- if and (eq $values.postgres.where "off") (get $values.processes "projection-postgres").enabled }}
  {{- fail "postgres.where is off: disable processes.projection-postgres, too" }}
{{- end }}
{{- if and (gt (int $values.nats.partitions) 1) (get $values.processes "projection-pulsar").enabled }}
  {{- fail "processes.projection-pulsar reads a log of one partition: leave nats.partitions at 1, or disable it (docs/scale.md)" }}
{{- end }}
{{- range $name, $process := $values.processes }}
  {{- if and $process.enabled (include "daredevil.scaled" (dict "root" $ "process" $process)) }}
    {{- if lt (int $process.scaling.max) (int $process.replicas) }}
      {{- fail (printf "processes.%s.scaling.max is %d, fewer than its replicas (%d)" $name (int $process.scaling.max) (int $process.replicas)) }}
    {{- end }}
    {{- if and (eq $values.autoscaling.by "keda") $process.scaling.consumer (not $values.nats.inside) (not $values.nats.monitoring) }}
      {{- fail (printf "autoscaling.by keda asks NATS what waits for %s: give its monitoring, host:port, in nats.monitoring" $name) }}
    {{- end }}
  {{- end }}
{{- end }}
{{- end }}
