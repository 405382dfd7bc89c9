#!/usr/bin/env bash
# Looks for secrets, licences, vulnerable dependencies and careless deployment files: scan.sh [PART…]
# Parts: secrets licences dependencies deployment (all of them by default). Fails if one of them finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil
venv=.venv/bin
CHECKOV=checkov==3.3.30

# In every commit. First a secret that is made up here has to be found: a scanner that finds nothing may be broken.
secrets() {
    bash scripts/go_tools.sh gitleaks
    local gitleaks=$tools/gitleaks
    [ -x "$gitleaks" ] || gitleaks=gitleaks
    if printf 'aws_key = "AKIA%s"\n' Q3EGRI7V5DNUW2XK | "$gitleaks" stdin -c .gitleaks.toml --no-banner --log-level=fatal; then
        echo "secrets: gitleaks does not find a planted one: it is broken, or .gitleaks.toml allows too much" >&2
        return 1
    fi
    "$gitleaks" git . -c .gitleaks.toml --no-banner --log-level=warn --redact
    echo "secrets: none in any commit"
}

licences() { $venv/python scripts/licences.py --check; }

# pip-audit asks PyPI. A mirror may have packages and no vulnerabilities, and then everything would look well: an old
# version with known ones has to be found first.
dependencies() {
    local old
    old=$(mktemp)
    echo "urllib3==2.0.0" >"$old"
    if $venv/pip-audit -r "$old" --disable-pip --no-deps --progress-spinner off 2>/dev/null | grep -q urllib3.*2.0.0.*2.0; then
        rm -f "$old"
        $venv/pip-audit -r requirements.lock --disable-pip --strict --progress-spinner off
        return
    fi
    rm -f "$old"
    echo "dependencies: NOT CHECKED: PyPI's vulnerabilities cannot be reached from here (SECURITY.md says what to do)" >&2
}

# Containerfile and Helm chart. Left out: what a chart leaves to whoever installs it (namespace, digests, pull policy),
# CPU limits (they delay sound), secrets as variables (each process gets those that it names only).
deployment() {
    local work
    work=$(mktemp -d)
    if [ -f Containerfile ]; then
        # The base image's tag stands in an argument.
        cp Containerfile "$work/Dockerfile"
        _checkov --framework dockerfile -f "$work/Dockerfile" --skip-check CKV_DOCKER_7
    fi
    bash scripts/go_tools.sh helm
    mkdir "$work/chart"
    "$tools/helm" template daredevil infra/deploy/helm --kube-version 1.30.0 >"$work/chart/all.yaml" 2>"$work/errors" ||
        { cat "$work/errors" >&2; return 1; }
    _checkov --framework kubernetes -d "$work/chart" \
        --skip-check CKV_K8S_21,CKV_K8S_43,CKV_K8S_15,CKV_K8S_11,CKV_K8S_35,CKV_K8S_40,CKV_K8S_8,CKV_K8S_9
    rm -rf "$work"
    echo "deployment: nothing found"
}

# In an environment of its own: it asks for other versions of what we use.
_checkov() { $venv/uv tool run -q --from $CHECKOV checkov --compact --quiet --skip-download "$@"; }

for part in "${@:-secrets licences dependencies deployment}"; do
    for one in $part; do "$one"; done
done
