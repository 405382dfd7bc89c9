#!/usr/bin/env bash
# Lints the HTTP API's document with Redocly and Spectral. Without npm it prints that it was skipped, or fails if nothing
# may be missing (DAREDEVIL_REQUIRE_ALL=1).
set -euo pipefail
cd "$(dirname "$0")/.."
check=tests/openapi_check

left_out() {
    echo "the HTTP API's document was not linted: $1" >&2
    [ "${DAREDEVIL_REQUIRE_ALL:-}" != 1 ]
    exit
}

command -v npm >/dev/null || left_out "npm is not installed"
if [ ! "$check/node_modules/.package-lock.json" -nt "$check/package-lock.json" ]; then
    (cd "$check" && npm ci --ignore-scripts --no-audit --no-fund --silent) || left_out "npm could not fetch the linters"
    touch "$check/node_modules/.package-lock.json"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.venv/bin/python -m bridge.http.openapi "$folder/openapi.json"
cd "$check"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
node_modules/.bin/redocly lint --config redocly.yaml "$folder/openapi.json"
node_modules/.bin/spectral lint --ruleset spectral.yaml --fail-severity hint "$folder/openapi.json"
