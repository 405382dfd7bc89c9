#!/usr/bin/env bash
# Builds the images with podman, or docker: image.sh [TARGET…] (daredevil and daredevil-local unless named). The tag is TAG, by
# default the project's version; CONTEXT is the folder with the source, by default this one.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${CONTAINER_ENGINE:-$(command -v podman || command -v docker || true)}
if [ -z "$engine" ]; then
    echo "Neither podman nor docker was found: install one of them (Debian: sudo apt-get install podman)." >&2
    exit 1
fi
context=${CONTEXT:-.}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$context/pyproject.toml")
tag=${TAG:-$version}
revision=${REVISION:-$(git rev-parse HEAD 2>/dev/null || echo unknown)}

options=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "PLUGINS=${PLUGINS:-}")
case "$(basename "$engine")" in
    podman*)
        # Docker's format has health checks. The host's network, because a build needs names only.
        options+=(--format docker --network host)
        # A network with a certificate authority of its own: the build may use it, and the images do not have it.
        if [ -n "${SSL_CERT_FILE:-}" ]; then
            options+=(-v "$(dirname "$SSL_CERT_FILE"):$(dirname "$SSL_CERT_FILE"):ro")
            options+=(--build-arg "SSL_CERT_FILE=$SSL_CERT_FILE" --build-arg "PIP_CERT=$SSL_CERT_FILE")
        fi
        ;;
esac

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(daredevil daredevil-local)
for target in "${targets[@]}"; do
    echo "==> $target:$tag"
    "$engine" build --quiet "${options[@]}" --target "$target" -t "localhost/$target:$tag" -f Containerfile "$context"
    "$engine" image inspect --format "{{.Size}}" "localhost/$target:$tag" | awk '{printf "    %d MB\n", $1 / 1e6}'
done
