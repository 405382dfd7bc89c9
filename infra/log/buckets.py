"""Key-value buckets of the topology, opened or created."""

from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError
from nats.js.kv import KeyValue

from contracts.topology import Bucket
from infra.log.wanted_streams import bucket_config
from infra.settings import settings

IN_USE = 10058
"""JetStream's error code: another process was quicker."""


async def open_bucket(js: JetStreamContext, bucket: Bucket, ttl_s: float | None = None) -> KeyValue:
    """Return the bucket; create it if it is missing, as after a restart of the server of a memory bucket.

    `ttl_s` is the time to live of a bucket whose row leaves it to the settings. Raises nats errors.
    """
    try:
        return await js.key_value(bucket.name)
    except NotFoundError:
        try:
            await js.add_stream(bucket_config(bucket, settings(), ttl_s))
        except APIError as error:
            if error.err_code != IN_USE:
                raise
        return await js.key_value(bucket.name)
