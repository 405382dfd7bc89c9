#!/usr/bin/env bash
# Whether this machine can run containers as the tests of the stack need them: prints why not, and exits with
#   0   it can
#   3   there is nothing to run them with: no root, no podman, or no base image, neither here nor from a registry
#   1   all of that is here, and yet no container starts: a fault, of podman's or of this machine's
set -uo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "podman runs the stack as root"; exit 3; }
command -v podman >/dev/null || { echo "podman is missing (Debian: apt-get install podman)"; exit 3; }
python=$(sed -n 's/^ARG PYTHON_IMAGE=//p' Containerfile)
debian=$(sed -n 's/^FROM \(.*\) AS servers$/\1/p' tests/stack/images/Containerfile)
for image in "$python" "$debian"; do
    podman image exists "$image" && continue
    if ! said=$(timeout 120 podman pull --quiet "$image" 2>&1); then
        echo "$image is not here, and no registry gives it: ${said##*$'\n'}"
        exit 3
    fi
done
if ! said=$(timeout 120 podman run --rm --network none "$debian" true 2>&1); then
    echo "podman is here, but starts no container of $debian: $said"
    exit 1
fi
