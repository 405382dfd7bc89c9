"""Key-value buckets of the topology, opened or created."""

import contextlib

from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BadRequestError, NotFoundError
from nats.js.kv import KeyValue

from contracts.topology import Bucket


async def open_bucket(js: JetStreamContext, bucket: Bucket, ttl_s: float | None = None) -> KeyValue:
    """Return the bucket; create it if it is missing, as after a restart of the server of a memory bucket.

    `ttl_s` is the time to live of a bucket whose row leaves it to the settings. Raises nats errors.
    """
    try:
        return await js.key_value(bucket.name)
    except NotFoundError:
        config = KeyValueConfig(
            bucket.name,
            ttl=bucket.ttl_s if bucket.ttl_s is not None else ttl_s,
            history=1,
            storage=StorageType.FILE if bucket.storage == "file" else StorageType.MEMORY,
            max_bytes=bucket.max_bytes if bucket.max_bytes > 0 else None,
            direct=bucket.direct,
        )
        with contextlib.suppress(BadRequestError):  # another process was quicker
            return await js.create_key_value(config)
        return await js.key_value(bucket.name)
