#!/usr/bin/env bash
# Builds programs in Go that tests use: go_tools.sh NAME…   (into ${XDG_CACHE_HOME:-~/.cache}/daredevil)
# Does nothing where that version is already. Needs Go; helm takes two minutes on two cores, the others half of one.
set -euo pipefail
folder=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil

# name:package:version
tools="
helm:helm.sh/helm/v3/cmd/helm:v3.22.0
compose-spec:github.com/compose-spec/compose-go/v2/cmd:v2.16.2
kubeconform:github.com/yannh/kubeconform/cmd/kubeconform:v0.8.0
gitleaks:github.com/zricethezav/gitleaks/v8:v8.30.1
toxiproxy-server:github.com/Shopify/toxiproxy/v2/cmd/server:v2.5.0
"

for name in "$@"; do
    line=$(grep "^$name:" <<<"$tools") || { echo "go_tools: no row for $name" >&2; exit 2; }
    IFS=: read -r _ package version <<<"$line"
    out=$folder/$name
    if ! command -v go >/dev/null; then
        [ -x "$out" ] || command -v "$name" >/dev/null && continue
        echo "go_tools: Go is missing (https://go.dev/dl); or put $name on PATH" >&2
        exit 3
    fi
    if [ -x "$out" ] && go version -m "$out" | grep -qE "^[[:space:]]+mod[[:space:]].*[[:space:]]$version([[:space:]]|$)"; then
        continue
    fi
    echo "building $name $version into $folder (once)" >&2
    mkdir -p "$folder"
    partial=$(mktemp -d "$folder/.partial.XXXXXX")
    GOBIN=$partial GOWORK=off CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath' \
        nice go install -ldflags='-s -w' "$package@$version"
    # The one program in there: Go leaves a version such as `v8` at the end of a package out of its name.
    mv "$partial"/* "$out"
    rmdir "$partial"
done
