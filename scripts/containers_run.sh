#!/usr/bin/env bash
# Exits with 0 if this machine can run containers as `make stack-test` needs it; else says why not.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "podman runs the stack as root" && exit 1; }
command -v podman >/dev/null || { echo "podman is missing (Debian: apt-get install podman)" && exit 1; }
base=$(sed -n 's/^ARG PYTHON_IMAGE=//p' "$(dirname "$0")/../Containerfile")
podman run --rm "$base" true || { echo "podman run $base true fails" && exit 1; }
