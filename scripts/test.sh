#!/usr/bin/env bash
# Runs the tests: those without engines in parallel, then those with real engines and whole systems alone on the machine,
# so that they do not wait for a core. `quick` runs only what takes no server that is slow to start, no browser and no
# engine; `nightly` runs also the further cases that are marked so. With other arguments there is one run, and they go to
# pytest.
set -uo pipefail
cd "$(dirname "$0")/.."

# Multithreaded arithmetic in each of several processes would compete for the same cores.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

side_by_side=(-n 2 --dist loadscope)
more=" and not nightly"
case "${1:-}" in
    "") ;;
    # Tests that wait for a small server leave room for a third process.
    quick) exec .venv/bin/pytest -n 3 --dist loadscope --hypothesis-profile=quick -m "not slow and not engines and not e2e and not nightly" ;;
    nightly) more="" ;;
    *) exec .venv/bin/pytest "$@" ;;
esac
.venv/bin/pytest "${side_by_side[@]}" -m "not engines and not e2e$more"
quick=$?
.venv/bin/pytest -m "(engines or e2e)$more"
whole=$?
if [ $quick -ne 0 ]; then
    echo "the first run (tests without engines) failed: see above" >&2
    exit $quick
fi
exit $whole
