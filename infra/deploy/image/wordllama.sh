# Compiles the wheel of WordLlama from its source, by hash: wordllama.sh FOLDER, where the wheel is put. Installs a compiler.
set -eu
# A base with Debian's own Python has the headers in a package; elsewhere they are there.
include=$(python -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -e "$include/Python.h" ] || headers=python3-dev
# The stage below may be an old one from the cache, with lists of versions that Debian no longer has.
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++ ${headers:-} >/dev/null

echo wordllama >itself.txt
awk '/^[^ #]/ {on = /^wordllama==/} on && !/^ *#/' wordllama.lock >itself.lock
python -m venv /build/wordllama
/tools/bin/uv pip install --quiet --python /build/wordllama/bin/python --require-hashes --no-build --excludes itself.txt -r wordllama.lock
/build/wordllama/bin/python -m pip wheel --quiet --disable-pip-version-check --require-hashes --no-deps --no-build-isolation \
    --no-binary wordllama --wheel-dir "$1" -r itself.lock
