"""Who is signed in, and who tried too often. Both end with the process; neither is safe for threads."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

IDLE_S = 12 * 3600
MAX_SESSIONS = 20
"""Of one user; the one used longest ago ends when another begins."""

WINDOW_S = 300
MAX_TRIES_PER_NAME = 10
MAX_TRIES_PER_ADDRESS = 30
MAX_COUNTED = 50_000
"""Names and addresses for which tries are counted; those tried longest ago are forgotten first."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which a user is signed in.

    Attributes:
        stamp: of the user's password when the session began.
        used: when the last request came, in seconds of the clock.
    """

    user: str
    stamp: str
    used: float


@dataclass
class Sessions:
    """Sessions by the digest of their token, so that memory holds nothing that could be used as one."""

    clock: Callable[[], float] = time.monotonic
    _open: dict[str, Session] = field(default_factory=dict)

    def begin(self, user: str, stamp: str) -> str:
        """Begin a session and return its token."""
        self._drop_idle()
        theirs = sorted((known.used, key) for key, known in self._open.items() if known.user == user)
        for _, key in theirs[: max(0, len(theirs) - MAX_SESSIONS + 1)]:
            del self._open[key]
        token = secrets.token_urlsafe(32)
        self._open[_digest(token)] = Session(user, stamp, self.clock())
        return token

    def use(self, token: str | None, stamp_of: Callable[[str], str | None]) -> str | None:
        """Return whose session it is, and count it as used; None if it has ended, or the user's password is another."""
        key = _digest(token) if token else ""
        known = self._open.get(key)
        if known is None:
            return None
        if self.clock() - known.used > IDLE_S or stamp_of(known.user) != known.stamp:
            del self._open[key]
            return None
        self._open[key] = replace(known, used=self.clock())
        return known.user

    def end(self, token: str | None) -> None:
        """End a session, if there is one."""
        self._open.pop(_digest(token or ""), None)

    def _drop_idle(self) -> None:
        oldest = self.clock() - IDLE_S
        self._open = {key: known for key, known in self._open.items() if known.used >= oldest}


@dataclass
class Tries:
    """Counts tries to sign in, by name and by address, within a window that slides."""

    clock: Callable[[], float] = time.monotonic
    _times: OrderedDict[tuple[str, str], deque[float]] = field(default_factory=OrderedDict)

    def begin(self, name: str, address: str) -> int:
        """Count a try as failed before it is made, so that many at once do not slip by; 0 if it may be made.

        Otherwise the seconds to wait, and nothing is counted.
        """
        limits = {("name", name.casefold()): MAX_TRIES_PER_NAME, ("address", network(address)): MAX_TRIES_PER_ADDRESS}
        waits = [self._wait(key, limit) for key, limit in limits.items()]
        if max(waits) > 0:
            return max(waits)
        for key in limits:
            self._times.setdefault(key, deque()).append(self.clock())
            self._times.move_to_end(key)
        while len(self._times) > MAX_COUNTED:
            self._times.popitem(last=False)
        return 0

    def succeed(self, name: str, address: str) -> None:
        """Take back a try that did not fail. Earlier failures of the name count no more, those of the address do."""
        self._times.pop(("name", name.casefold()), None)
        if times := self._times.get(("address", network(address))):
            times.pop()

    def _wait(self, key: tuple[str, str], limit: int) -> int:
        times = self._times.get(key)
        if times is None:
            return 0
        while times and self.clock() - times[0] >= WINDOW_S:
            times.popleft()
        return 0 if len(times) < limit else int(WINDOW_S - (self.clock() - times[0])) + 1


def network(address: str) -> str:
    """Return what one visitor commands: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
