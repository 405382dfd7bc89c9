#!/usr/bin/env bash
# Looks for secrets in what is about to be committed, for the pre-commit hook.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/go_tools.sh gitleaks
gitleaks=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil/gitleaks
[ -x "$gitleaks" ] || gitleaks=gitleaks
exec "$gitleaks" git . --pre-commit --staged -c .gitleaks.toml --no-banner --log-level=warn --redact
