#!/usr/bin/env bash
# Builds Jaeger, for `make monitoring-test`: jaeger.sh [OUTPUT]   (default: ${XDG_CACHE_HOME:-~/.cache}/daredevil/jaeger)
# Its version and those of all its modules are in jaeger/go.mod and go.sum. Does nothing where that version is already.
# Needs Go. The first time it takes ten minutes on two cores, and 2 GB of Go's cache; `make test` goes without.
set -euo pipefail
here=$(cd "$(dirname "$0")/jaeger" && pwd)
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/daredevil/jaeger}
package=github.com/jaegertracing/jaeger
version=$(sed -n "s:^\s*\(require \)\?$package \(v[0-9.]*\).*:\2:p" "$here/go.mod")

if ! command -v go >/dev/null; then
    [ -x "$out" ] && exit 0
    echo "jaeger: Go is missing (https://go.dev/dl); or put Jaeger 2 on PATH as \`jaeger\`" >&2
    exit 3
fi
if [ -x "$out" ] && go version -m "$out" | grep -q "$package[[:space:]]$version"; then exit 0; fi
echo "building Jaeger $version into $out (once, some minutes)" >&2
mkdir -p "$(dirname "$out")"
# No file is embedded but the page that says so: without Node.js there is no user interface, which the tests don't use.
(cd "$here" && GOWORK=off CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
    go build -mod=readonly -trimpath -ldflags='-s -w' -o "$out.partial.$$" $package/cmd/jaeger)
mv "$out.partial.$$" "$out"
