#!/usr/bin/env bash
# Runs the tests in four processes, because most of them wait for a server, a browser or somebody who speaks; then, one
# after the other, those marked `alone`. `quick` runs only what takes no server that is slow to start, no browser and no
# engine; `nightly` runs also the further cases that are marked so. With other arguments there is one run, and they go to
# pytest.
set -uo pipefail
cd "$(dirname "$0")/.."

# Multithreaded arithmetic in each of several processes would compete for the same cores.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

# Images and CI often switch bytecode off, as it litters the source tree. Hundreds of processes would then compile
# everything again that they import, which is half of the time that they take to start.
unset PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX="${PYTHONPYCACHEPREFIX:-$PWD/.venv/bytecode}"

# In a fresh environment each of the processes would compile all that it imports, at the same time as the others.
[ -d "$PYTHONPYCACHEPREFIX" ] || .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null

# What shares servers stays in one process, the longest first: tests/side_by_side.py.
side_by_side=(-n 4 --dist loadscope --no-loadscope-reorder)
more=" and not nightly"
case "${1:-}" in
    "") ;;
    quick) exec .venv/bin/pytest "${side_by_side[@]}" --hypothesis-profile=quick -m "not slow and not engines and not e2e and not alone and not monitoring and not stack and not nightly" ;;
    nightly)
        more=""
        side_by_side+=(--hypothesis-profile=nightly)
        ;;
    *) exec .venv/bin/pytest "$@" ;;
esac
.venv/bin/pytest "${side_by_side[@]}" -m "not alone and not monitoring and not stack$more"
together=$?
# Only the files with such tests, since importing all others takes longer than some of these run.
mapfile -t files < <(grep -rl --include='test_*.py' 'mark\.alone' tests)
.venv/bin/pytest -m "alone and not monitoring and not stack$more" "${files[@]}"
alone=$?
if [ $together -ne 0 ]; then
    echo "the first run (tests side by side) failed: see above" >&2
    exit $together
fi
exit $alone
