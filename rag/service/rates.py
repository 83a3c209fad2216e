"""How often somebody may call: a bucket of tokens for each, which fills again at a steady rate."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

BURST_S = 10
"""Seconds of the steady rate that may be called at once."""
KEPT_BUCKETS = 10_000
"""Callers that are remembered; the one seen longest ago is forgotten first."""


class Rates:
    """Buckets of callers. Safe for threads.

    Source: the token bucket of Turner, "New directions in communications", IEEE Communications Magazine 24 (1986).
    """

    def __init__(self, per_s: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take a token; return 0, or where there is none, the seconds until there is one."""
        now = self._clock()
        with self._lock:
            left, since = self._buckets.get(caller, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_s)
            has_one = left >= 1
            self._buckets[caller] = (left - 1 if has_one else left, now)
            self._buckets.move_to_end(caller)
            if len(self._buckets) > KEPT_BUCKETS:
                self._buckets.popitem(last=False)
        return 0.0 if has_one else (1 - left) / self._per_s


def network_of(address: str) -> str:
    """Return what a caller without a key is told apart by: the address, of IPv6 the network of one site."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
