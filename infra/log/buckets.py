"""Key-value buckets of the topology, opened or created."""

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from nats.js.kv import KeyValue

from contracts.topology import Bucket
from infra.log.provisioning import add_stream
from infra.log.wanted_streams import bucket_config
from infra.settings import settings


async def open_bucket(js: JetStreamContext, bucket: Bucket, ttl_s: float | None = None) -> KeyValue:
    """Return the bucket; create it if it is missing, as after a restart of the server of a memory bucket.

    `ttl_s` is the time to live of a bucket whose row leaves it to the settings. Raises nats errors.
    """
    try:
        return await js.key_value(bucket.name)
    except NotFoundError:
        await add_stream(js, bucket_config(bucket, settings(), ttl_s))
        return await js.key_value(bucket.name)
