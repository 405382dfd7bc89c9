#!/usr/bin/env bash
# Installs the programs that the tests use beyond Python: with apt on Debian as root; elsewhere it prints what is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

# program:Debian package:what is tested with it
tools=(
    "amtool:prometheus-alertmanager:alerts against Alertmanager"
    "chromium-headless-shell:chromium-headless-shell:the page in a browser; chromium will do, but takes longer"
    "espeak-ng:espeak-ng:a second voice"
    "node:nodejs:asyncapi.yaml against AsyncAPI's own parser"
    "npm:npm:asyncapi.yaml against AsyncAPI's own parser"
    "java:openjdk-17-jre-headless:the Pulsar projection against a real broker"
    "mcs:mono-mcs:classes made from asyncapi.yaml, in C#"
    "promtool:prometheus:metrics, dashboards and alerts against Prometheus"
    "mvn:maven:the Pulsar projection against a real broker"
)

packages=()
for tool in "${tools[@]}"; do
    IFS=: read -r program package purpose <<<"$tool"
    command -v "$program" >/dev/null && continue
    packages+=("$package")
    echo "missing: $program ($purpose)"
done

if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing ${packages[*]}"
        apt-get update -qq
        # Some are servers, which Debian starts once they are installed. This file is its way to say that they shall not.
        if [ ! -e /usr/sbin/policy-rc.d ]; then
            printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
            chmod +x /usr/sbin/policy-rc.d
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        fi
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    else
        echo "Tests that need them will be skipped. To get them: sudo apt-get install ${packages[*]} (or as your system does it)"
    fi
fi

# Installs the packages of a folder's lock file, once per version of the file.
fetch_npm() {
    local folder=$1 what=$2
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && return
    echo "fetching $what"
    if (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent); then
        touch "$folder/node_modules/.package-lock.json"
    else
        echo "$what could not be fetched; its tests will be skipped"
    fi
}
if command -v npm >/dev/null; then
    fetch_npm tests/asyncapi_check "AsyncAPI's parser"
    fetch_npm tests/asyncapi_models "AsyncAPI's generator of classes (Modelina)"
fi

if command -v java >/dev/null && command -v mvn >/dev/null && ! bash scripts/pulsar.sh fetch; then
    echo "Pulsar's jars could not be fetched; its tests will be skipped"
fi

if ! bash scripts/go_tools.sh compose-spec; then
    echo "The reference loader of compose files is missing; its tests will be skipped"
fi

cached_livekit=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil/livekit-server
if ! command -v "${DAREDEVIL_LIVEKIT_SERVER:-livekit-server}" "$cached_livekit" >/dev/null; then
    echo "missing: livekit-server (the LiveKit door against a real server); tests that need it will be skipped." \
        "To get it: curl -sSL https://get.livekit.io | bash"
fi
