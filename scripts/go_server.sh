#!/usr/bin/env bash
# Builds servers that tests start: go_server.sh NAME…   (into ${XDG_CACHE_HOME:-~/.cache}/daredevil)
# The version of each, and those of all its modules, are in the folder NAME beside this file. Does nothing where that
# version is already. Needs Go. The first time Jaeger and Traefik take ten minutes each on two cores, and 2 GB of Go's
# cache; `make test` goes without.
#   jaeger    Jaeger 2
#   otelcol   the OpenTelemetry collector, with the components that infra/deploy/monitoring/collector.yaml names
#   traefik   Traefik, without its dashboard
set -euo pipefail
folder=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil

build() { # NAME PACKAGE MODULE: in a folder with its go.mod
    local out=$folder/$1 package=$2 version
    version=$(awk -v module="$3" '$1 == module {print $2} $1 == "require" && $2 == module {print $3}' go.mod)
    if [ -x "$out" ] && go version -m "$out" | grep -q "$3[[:space:]]$version"; then return; fi
    echo "building $1 $version into $folder (once, some minutes)" >&2
    # No user interface is embedded: that would need Node.js, and tests don't use it.
    GOWORK=off CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
        nice go build -mod=readonly -trimpath -ldflags='-s -w' -o "$out.partial.$$" "$package"
    mv "$out.partial.$$" "$out"
}

collector() { # its own builder writes its source
    local builder=go.opentelemetry.io/collector/cmd/builder version
    version=$(sed -n 's/^# builder: //p' builder.yaml)
    if [ -x "$folder/otelcol" ] && go version -m "$folder/otelcol" | grep -q "collector/otelcol[[:space:]]$version"; then return; fi
    local work
    work=$(mktemp -d)
    cp builder.yaml "$work/"
    (
        cd "$work"
        GOFLAGS=-buildvcs=false nice go run "$builder@$version" --config builder.yaml --skip-compilation >builder.log 2>&1 ||
            { cat builder.log >&2; exit 1; }
        cd source
        build otelcol . go.opentelemetry.io/collector/otelcol
    )
    rm -rf "$work"
}

mkdir -p "$folder"
for name in "$@"; do
    cd "$(dirname "${BASH_SOURCE[0]}")/$name" 2>/dev/null || { echo "go_server: $name is unknown" >&2; exit 2; }
    if ! command -v go >/dev/null; then
        [ -x "$folder/$name" ] && continue
        echo "go_server: Go is missing (https://go.dev/dl); or put $name on PATH" >&2
        exit 3
    fi
    case $name in
        jaeger) build jaeger github.com/jaegertracing/jaeger/cmd/jaeger github.com/jaegertracing/jaeger ;;
        traefik) build traefik github.com/traefik/traefik/v3/cmd/traefik github.com/traefik/traefik/v3 ;;
        otelcol) collector ;;
    esac
    cd "$OLDPWD"
done
