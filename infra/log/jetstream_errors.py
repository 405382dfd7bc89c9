"""The error codes of JetStream (`APIError.err_code`) that mean something to us."""

NO_PEERS = 10005
"""Too few servers in the cluster."""
TEMPORARILY_UNAVAILABLE = 10008
"""Its cluster has no leader."""
NO_MEMORY = 10028
"""No memory is left for the stream."""
NO_ROOM = 10047
"""No storage is left for the stream."""
IN_USE = 10058
"""Another process has made the stream meanwhile."""
WRONG_STREAM = 10060
"""The subject belongs to another stream than its writer expected."""
WRONG_LAST_SEQUENCE = 10071
"""The stream, or its subjects, do not end where the writer said."""
NOT_CLUSTERED = 10074
"""This server is in no cluster."""

NO_SUCH_MESSAGE = frozenset((10037, 10043, 10057))
"""There is no such message, or not any more."""

LIMITS = frozenset((NO_ROOM, NO_MEMORY, 10002, 10023, 10026, 10027, 10120, 10122))
"""These and the codes of other limits: what an account may have, how many consumers, streams and bytes."""
