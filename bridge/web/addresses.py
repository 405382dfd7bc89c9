"""Client addresses: how they are told apart, and how much may come from each."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from bridge.rate_limit import TokenBucket

ADDRESSES_KEPT = 10_000
IPV6_NETWORK = 64
"""The IPv6 prefix of one household or host (RFC 6177): it can use any address in it."""


def network_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 network; other names unchanged."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return str(ipaddress.ip_network((ip, IPV6_NETWORK), strict=False))
        ip = ip.ipv4_mapped
    return str(ip)


class Buckets:
    """A bucket for each of the most recent clients. Allows `per_s` a second on average and `burst` at once."""

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, address: str) -> bool:
        """Count one more for a client; return whether it is allowed."""
        network = network_of(address)
        bucket = self._buckets.setdefault(network, TokenBucket(self._per_s, self._burst))
        self._buckets.move_to_end(network)
        if len(self._buckets) > ADDRESSES_KEPT:
            self._buckets.popitem(last=False)
        return bucket.take(1, self._clock())

    @property
    def wait_s(self) -> int:
        """After how many seconds a client that has used up its burst is allowed one more."""
        return max(1, math.ceil(1 / self._per_s))
