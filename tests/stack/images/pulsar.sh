#!/bin/bash
# `bin/pulsar standalone …` as in the official image: the broker and its bookie in this container, as infra/pulsar has
# them for tests, but at addresses that others reach.
set -eu
shift # standalone
sed -e 's/@BROKER_PORT@/6650/' -e 's/@WEB_PORT@/8080/' -e 's/^bindAddress=.*/bindAddress=0.0.0.0/' \
    -e '/^advertisedAddress=/d' standalone.conf.tmpl >/tmp/standalone.conf
open=()
for package in java.base/java.io java.base/java.util.zip java.base/java.nio java.base/jdk.internal.misc \
    java.base/jdk.internal.platform java.base/sun.net java.management/sun.management; do
    open+=(--add-opens "$package=ALL-UNNAMED")
done
drivers=org.apache.pulsar.metadata.bookkeeper
# shellcheck disable=SC2086  # several options
exec java ${PULSAR_MEM:-} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError "${open[@]}" \
    -Djava.net.preferIPv4Stack=true \
    -Dlog4j2.configurationFile=/pulsar/log4j2.xml \
    -Dpulsar.log.level=warn \
    -Dio.netty.tryReflectionSetAccessible=true \
    -Dbookkeeper.metadata.bookie.drivers=$drivers.PulsarMetadataBookieDriver \
    -Dbookkeeper.metadata.client.drivers=$drivers.PulsarMetadataClientDriver \
    -cp '/pulsar/lib/*' org.apache.pulsar.PulsarStandaloneStarter \
    --config /tmp/standalone.conf --metadata-dir data/metadata --bookkeeper-dir data/bookkeeper "$@"
