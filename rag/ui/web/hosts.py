"""Under which names a server may be asked for, and which addresses are this machine's alone."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from rag.errors import UsageError

LOOPBACK_NAME = "localhost"
_NAMED = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Host and port as a browser writes them; no port is the default one."""

    name: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """Read `name`, `name:port` or `[address]:port`; None if it is none of them."""
        found = _NAMED.fullmatch(text)
        if not found:
            return None
        name, port = found["name"].lower().strip("[]"), found["port"]
        address = _address(name)
        if found["name"].startswith("[") and not isinstance(address, ipaddress.IPv6Address):
            return None
        return cls(str(address) if address else name, int(port) if port else None)

    def on(self, scheme: str) -> Place:
        """Return it with its port written out."""
        return self if self.port else Place(self.name, _DEFAULT_PORTS.get(scheme))


@dataclass(frozen=True, slots=True)
class Hosts:
    """What a server answers to. Any other name is one that a page elsewhere made point here (DNS rebinding).

    Attributes:
        bound: the address listened on.
        extra: names beside those of the address, as a proxy passes them on; one without a port stands for any.
    """

    bound: str
    port: int
    extra: frozenset[Place] = frozenset()

    @classmethod
    def of(cls, bound: str, port: int, *, host: str = "", allowed: Iterable[str] = ()) -> Hosts:
        """Return what a server answers to that listens on `bound`, which `host` was asked for.

        Raises:
            UsageError: if an allowed name is none.
        """
        extra = {_allowed(name) for name in allowed}
        if host and (own := Place.parse(host)) and not _address(own.name):
            extra.add(Place(own.name, port))
        return cls(bound, port, frozenset(extra))

    def serves(self, place: Place, scheme: str) -> bool:
        """Tell whether a request for this host is meant for this server."""
        if self.names(place):
            return True
        bound, asked = _address(self.bound), _address(place.name)
        if bound is not None and bound.is_unspecified:  # a port may be mapped, and an address cannot be rebound
            return asked is not None or place.name == LOOPBACK_NAME
        if place.on(scheme).port != self.port:
            return False
        if _is_loopback(bound):
            return place.name == LOOPBACK_NAME or _is_loopback(asked)
        return asked is not None and asked == bound

    def names(self, place: Place) -> bool:
        """Tell whether the host is one of the extra names."""
        return place in self.extra or Place(place.name) in self.extra


def is_loopback(host: str) -> bool:
    """Tell whether a host is reached from this machine alone: whether all its addresses are loopback ones.

    False for what cannot be resolved, for the empty name, and for 0.0.0.0 and ::, which are every address.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM) if host else []
    except (socket.gaierror, UnicodeError):
        return False
    return bool(found) and all(_is_loopback(_address(str(address[0]))) for *_, address in found)


def _allowed(name: str) -> Place:
    place = Place.parse(name) or Place.parse(f"[{name}]")
    if place is None:
        raise UsageError(
            f"--allow-host {name!r} is no host; write it as in the browser: briefs.example.org, or with :8443"
        )
    return place


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    return address is not None and address.is_loopback
