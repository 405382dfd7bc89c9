#!/usr/bin/env bash
# Builds the images with podman, or docker: image.sh [TARGET…] (daredevil and daredevil-local unless named).
#   TAG           by default the project's version
#   CONTEXT       the folder with the source, by default this one
#   PLATFORM      by default this machine's; linux/arm64 for that one; linux/amd64,linux/arm64 makes one name for both. What is
#                 not this machine's is emulated, and takes many times as long.
#   PYTHON_IMAGE  the base from elsewhere, such as a mirror, or by its digest
#   SOURCE_DATE_EPOCH  the time in s that every file and the image are to have: the same sources then make the same image
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
revision=${REVISION:-$(git -C "$context" rev-parse HEAD 2>/dev/null || echo unknown)}
[ -n "${REVISION:-}" ] || [ -z "$(git -C "$context" status --porcelain 2>/dev/null)" ] || revision+=-dirty
base=${PYTHON_IMAGE:-$(sed -n 's/^ARG PYTHON_IMAGE=//p' Containerfile)}
# Always named: for an unnamed one podman takes the base that was used last, be it another platform's.
case "$(uname -m)" in aarch64 | arm64) here=linux/arm64 ;; *) here=linux/amd64 ;; esac
platforms=${PLATFORM:-$here}

podman=
case "$(basename "$engine")" in podman*) podman=1 ;; esac

options=(--build-arg "PYTHON_IMAGE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "PLUGINS=${PLUGINS:-}")
if [ -n "$podman" ]; then
    # Docker's format has health checks. The host's network, because a build needs names only.
    options+=(--format docker --network host)
    [ -z "${SOURCE_DATE_EPOCH:-}" ] || options+=(--timestamp "$SOURCE_DATE_EPOCH")
    # A network with a certificate authority of its own: the build may use it, and the images do not have it.
    if [ -n "${SSL_CERT_FILE:-}" ]; then
        options+=(-v "$(dirname "$SSL_CERT_FILE"):$(dirname "$SSL_CERT_FILE"):ro")
        options+=(--build-arg "SSL_CERT_FILE=$SSL_CERT_FILE" --build-arg "PIP_CERT=$SSL_CERT_FILE")
    fi
fi

# A build that cannot run the platform's programs fails minutes later, with words that say nothing of it.
for platform in ${platforms//,/ }; do
    [ "$platform" = "$here" ] && continue
    if ! said=$("$engine" run --rm --network none --platform "$platform" "$base" true 2>&1); then
        echo "$said" >&2
        echo "This machine cannot run $base for $platform. If it has no emulator (Debian: sudo apt-get install qemu-user-static" \
            "binfmt-support), install one, or build on a machine of that kind." >&2
        exit 1
    fi
done
options+=(--platform "$platforms")

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(daredevil daredevil-local)
for target in "${targets[@]}"; do
    name=localhost/$target:$tag
    echo "==> $name for $platforms"
    if [ -n "$podman" ] && [ "$platforms" != "${platforms%,*}" ]; then
        # Podman adds to a list that is there; and a list cannot have an image's name.
        "$engine" manifest rm "$name" >/dev/null 2>&1 || "$engine" untag "$name" >/dev/null 2>&1 || true
        "$engine" build --quiet "${options[@]}" --target "$target" --manifest "$name" -f Containerfile "$context"
        "$engine" manifest inspect "$name" | sed -n 's/ *"architecture": "\(.*\)".*/    has \1/p'
    else
        "$engine" build --quiet "${options[@]}" --target "$target" -t "$name" -f Containerfile "$context"
        "$engine" image inspect --format "{{.Size}} {{.Architecture}}" "$name" | awk '{printf "    %d MB, %s\n", $1 / 1e6, $2}'
    fi
done
