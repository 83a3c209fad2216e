"""The address to listen on, claimed before anything slow is loaded."""

from __future__ import annotations

import errno
import socket

from rag.errors import UsageError


def require_free_port(host: str, port: int) -> None:
    """Return at once when `host:port` can be listened on.

    Raises:
        UsageError: as `listening_socket`.
    """
    listening_socket(host, port).close()


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind a TCP socket to `host:port`; the caller closes it. Port 0 takes any free one.

    Raises:
        UsageError: if the port is taken, not permitted or out of range, or the host is no address of this machine.
    """
    if not 0 <= port <= 65535:  # getaddrinfo would quietly take it modulo 65536
        raise UsageError(f"{port} is no port; choose one from 1024 to 65535: PORT=7860 make run, or --port 7860")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"cannot listen on {host!r}: no such address; HOST=127.0.0.1 is this machine only") from error
    bound = socket.socket(family, kind, protocol)
    # Without it, a restart within a minute of the last stop finds the port "in use" by its own closed connections.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UsageError(_why_not(host, port, error)) from error
    return bound


def _why_not(host: str, port: int, error: OSError) -> str:
    another = port + 1 if 1024 <= port < 65535 else 7860
    remedy = f"choose another: PORT={another} make run, or --port {another}"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; stop it, or {remedy}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than you have (ports below 1024 do); {remedy}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host!r} is no address of this machine; HOST=127.0.0.1 is this machine only"
    return f"cannot listen on {host}:{port} ({error}); {remedy}"
