"""The log as Pulsar topics: `faststream run projections.pulsar:app`, on when `DAREDEVIL_PULSAR_URL` is set.

What goes where is in `projections.pulsar.routing`. Every message carries the fact's bytes (MessagePack) and the
properties `session`, `event`, `schema_version`, `sequence` (its place in the log) and, if there was a trace,
`traceparent`; its key is the session, its event time the fact's.

Each fact is in its topics once and in the log's order, whatever fails: its sequence is the message's sequence
id, one producer of a fixed name writes a topic, and the broker drops duplicates (deduplication, switched on
for the namespaces; batching stays off, as ids within a batch lose and double messages). The fixed name also keeps a
second copy out: it waits until the first has ended.

Requirements for a Pulsar: its broker and its admin API (`DAREDEVIL_PULSAR_ADMIN_URL`) accept, if they ask for any, the
credentials in `DAREDEVIL_PULSAR_TOKEN` and `DAREDEVIL_PULSAR_TLS_*`, and the admin API may create tenant `arc` with
its namespaces and topics. Their retention is `DAREDEVIL_PULSAR_RETENTION_HOURS`, for messages that nobody subscribes to
and for backlogs: words cannot be removed from a topic, so that is how long erased ones may still be there (and
until Pulsar closes the ledger that they are in, at most four hours more by its defaults). The tombstone `SessionErased`
tells readers at once. To rebuild a topic from the log: stop the projection, delete the topic, start the
projection.
"""

from infra.process.app_on_demand import app_made_in

__getattr__ = app_made_in(__name__, "app")
