#!/usr/bin/env bash
# Installs the reference loader of compose files (compose-go), with which tests read ours: compose_spec.sh [OUTPUT]
# (default: ${XDG_CACHE_HOME:-~/.cache}/daredevil/compose-spec). Does nothing where it is; needs Go, some seconds.
set -euo pipefail
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/daredevil/compose-spec}
module=github.com/compose-spec/compose-go/v2
version=v2.16.2
if ! command -v go >/dev/null; then
    [ -x "$out" ] && exit 0
    echo "compose-spec: Go is missing (https://go.dev/dl)" >&2
    exit 3
fi
if [ -x "$out" ] && go version -m "$out" | grep -q "$module[[:space:]]$version"; then exit 0; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
GOBIN=$folder CGO_ENABLED=0 go install "$module/cmd@$version"
mkdir -p "$(dirname "$out")"
mv "$folder/cmd" "$out.partial.$$"
mv "$out.partial.$$" "$out"
