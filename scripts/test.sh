#!/usr/bin/env bash
# Runs the tests: the quick ones side by side, then those with real engines and whole systems alone on the machine,
# so that they do not wait for a core. With arguments there is one run, and they go to pytest.
set -uo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    exec .venv/bin/pytest "$@"
fi
.venv/bin/pytest -n 2 --dist loadscope -m "not engines and not e2e"
quick=$?
.venv/bin/pytest -m "engines or e2e"
whole=$?
if [ $quick -ne 0 ]; then
    echo "the first run (tests without engines) failed: see above" >&2
    exit $quick
fi
exit $whole
