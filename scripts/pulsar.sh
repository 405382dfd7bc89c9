#!/usr/bin/env bash
# A real Pulsar standalone broker on loopback, for development and tests.
#
#   scripts/pulsar.sh [--data DIR] [--port N] [--admin-port N] [--bookie-port N] [--settings FILE]
#                                                                                   start it; Ctrl-C ends it
#   scripts/pulsar.sh fetch                                                         only get the jars (once, 240 MB)
#   scripts/pulsar.sh lib                                                           print where the jars are
#
# --settings adds lines to its configuration: TLS, authentication. JAVA and PULSAR_JAVA_OPTIONS (added to ours)
# may be set. Exit code 3: Java or the jars are missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
config=$here/infra/pulsar
version=$(sed -n 's:.*<pulsar.version>\(.*\)</pulsar.version>.*:\1:p' "$config/pom.xml")
home=${XDG_CACHE_HOME:-$HOME/.cache}/daredevil/pulsar-$version
java=${JAVA:-java}

fail() {
    echo "pulsar: $*" >&2
    exit 3
}

java_is_new_enough() {
    local major
    major=$("$java" -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p') || return 1
    [ "${major:-0}" -ge 17 ]
}

debian_package() { # program, package
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || fail "$1 is missing: sudo apt-get install $2 (or as your system does it)"
    echo "installing $2" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

fetch() {
    if [ -e "$home/lib/.complete" ]; then return; fi
    debian_package "$java" openjdk-17-jre-headless
    debian_package mvn maven
    echo "fetching the jars of Pulsar $version (about 240 MB, once) into $home" >&2
    mkdir -p "$home"
    local new
    new=$(mktemp -d "$home/lib.XXXXXX")
    if ! mvn -B -ntp -q -f "$config/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$new" >"$home/maven.log" 2>&1; then
        rm -rf "$new"
        tail -n 5 "$home/maven.log" >&2
        fail "the jars could not be fetched: see $home/maven.log"
    fi
    touch "$new/.complete"
    rm -rf "$home/lib"
    mv "$new" "$home/lib"
}

# Prints when loopback port $1 is open, or that this process, by then the broker, has ended before that.
tell_when_ready() {
    while kill -0 $$ 2>/dev/null; do
        if (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
            echo "Pulsar is ready"
            return
        fi
        sleep 0.2
    done
    echo "Pulsar has ended: see $2"
}

start() {
    local data=.daredevil/pulsar port=6650 admin_port=8080 bookie_port=3181 settings=
    while [ $# -gt 0 ]; do
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in
            --data) data=$2 ;;
            --port) port=$2 ;;
            --admin-port) admin_port=$2 ;;
            --bookie-port) bookie_port=$2 ;;
            --settings) settings=$2 ;;
            *) fail "unknown option $1: --data, --port, --admin-port, --bookie-port and --settings are known" ;;
        esac
        shift 2
    done
    fetch
    java_is_new_enough || fail "Java 17 or newer is needed: sudo apt-get install openjdk-17-jre-headless"
    mkdir -p "$data"
    data=$(cd "$data" && pwd)
    sed -e "s/@BROKER_PORT@/$port/" -e "s/@WEB_PORT@/$admin_port/" "$config/standalone.conf.tmpl" >"$data/standalone.conf"
    if [ -n "$settings" ]; then cat "$settings" >>"$data/standalone.conf"; fi
    cat <<SETTINGS
Pulsar $version starts on loopback, data and pulsar.log in $data. To use it:

    export DAREDEVIL_PULSAR_URL=pulsar://127.0.0.1:$port
    export DAREDEVIL_PULSAR_ADMIN_URL=http://127.0.0.1:$admin_port

Ctrl-C ends it.
SETTINGS
    local open=() package
    for package in java.base/java.io java.base/java.util.zip java.base/java.nio java.base/jdk.internal.misc \
        java.base/jdk.internal.platform java.base/sun.net java.management/sun.management; do
        open+=(--add-opens "$package=ALL-UNNAMED")
    done
    local drivers=org.apache.pulsar.metadata.bookkeeper
    cd "$data"
    tell_when_ready "$admin_port" "$data/pulsar.log" &
    # Only the fast compiler: the other one uses half of all CPU for the first 100,000 messages, and gains little later.
    # shellcheck disable=SC2086  # several options
    exec "$java" -Xms256m -Xmx512m -XX:MaxDirectMemorySize=256m -XX:TieredStopAtLevel=1 ${PULSAR_JAVA_OPTIONS:-} \
        -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError "${open[@]}" \
        -Djava.net.preferIPv4Stack=true \
        -Dlog4j2.configurationFile="$config/log4j2.xml" \
        -Dlog4j.shutdownHookEnabled=false \
        -Dpulsar.log.level="${PULSAR_LOG_LEVEL:-warn}" \
        -Dpulsar.allocator.exit_on_oom=true \
        -Dio.netty.recycler.maxCapacityPerThread=4096 \
        -Dio.netty.tryReflectionSetAccessible=true \
        -Dbookkeeper.metadata.bookie.drivers=$drivers.PulsarMetadataBookieDriver \
        -Dbookkeeper.metadata.client.drivers=$drivers.PulsarMetadataClientDriver \
        -cp "$home/lib/*" org.apache.pulsar.PulsarStandaloneStarter \
        --config "$data/standalone.conf" --no-functions-worker --no-stream-storage \
        --advertised-address 127.0.0.1 --bookkeeper-port "$bookie_port" \
        --metadata-dir "$data/metadata" --bookkeeper-dir "$data/bookkeeper" \
        >>"$data/pulsar.log" 2>&1
}

case ${1:-} in
    fetch) fetch ;;
    lib) echo "$home/lib" ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" ;;
    *) start "$@" ;;
esac
