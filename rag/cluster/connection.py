"""One connection to Ray: to a cluster that runs, or to a local Ray that is started for it and ends with it."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECT_STORE_BYTES = 512_000_000
"""Shared memory of a local Ray: what waits between driver and workers; Ray slows down or uses the disk beyond it."""
LOOPBACK = "127.0.0.1"
ATTEMPTS = 3
"""Times that work is done whose worker dies."""

_SECRET = secrets.token_hex(32)
_SET_BY_RAY = ("RAY_AUTH_MODE",)


@dataclass
class Connection:
    """Ray, connected at the first `start`. A Ray that this process had connected before is used, and left as it is.

    Attributes:
        address: "host:port" or "auto" of a cluster that runs; None starts a local one, on loopback, with a secret.
        n_cpus: cores of the local one.
    """

    address: str | None
    n_cpus: int
    _open: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Connect, if that was not done.

        Raises:
            UsageError: if no cluster answers at the address.
        """
        if "ray" in sys.modules and sys.modules["ray"].is_initialized():
            return
        with ExitStack() as opening:
            # Ray tells of workers that died on stdout, where reports are printed.
            opening.enter_context(redirect_stdout(opening.enter_context(open(os.devnull, "w"))))
            opening.enter_context(_environment(self._variables()))
            arguments = self._arguments(opening)
            import ray  # reads the variables

            opening.callback(ray.shutdown)
            try:
                with nullcontext() if self.address else _on_loopback():
                    ray.init(**arguments)
            except (ConnectionError, ValueError, RuntimeError, OSError) as error:
                raise UsageError(self._unreachable(error)) from error
            self._open = opening.pop_all()

    def close(self) -> None:
        """Disconnect, and end the local Ray with all its processes."""
        self._open.close()

    def _variables(self) -> Mapping[str, str]:
        quiet = {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        }
        if self.address:
            return quiet
        # A new Ray asks for a token by itself, and would keep one in the home folder. Without the other variable, a
        # task that is ended for want of memory is tried for ever.
        return {**quiet, "RAY_AUTH_TOKEN": _SECRET, "RAY_task_oom_retries": str(ATTEMPTS - 1)}

    def _arguments(self, opening: ExitStack) -> dict[str, Any]:
        quiet = {"log_to_driver": False, "logging_level": "CRITICAL"}
        if self.address:
            return {**quiet, "address": self.address}
        folder = opening.enter_context(tempfile.TemporaryDirectory(prefix="geobrief-ray-", ignore_cleanup_errors=True))
        return {
            **quiet,
            "address": "local",
            "num_cpus": self.n_cpus,
            "num_gpus": 0,
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            "_temp_dir": folder,
            "_node_ip_address": LOOPBACK,
        }

    def _unreachable(self, error: Exception) -> str:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if self.address:
            return f"no Ray cluster answers at {self.address!r} ({reason}); check --ray-address or RAY_ADDRESS"
        return f"a local Ray cannot be started ({reason}); check memory and the folder for temporary files"


def require_ray(address: str | None) -> None:
    """Check that Ray is installed and the address is one that it takes.

    Raises:
        UsageError: if not.
    """
    if importlib.util.find_spec("ray") is None or importlib.util.find_spec("pyarrow") is None:
        raise UsageError('--engine ray needs Ray Data; pip install "geobrief[cluster]"')
    if address and "://" in address:
        raise UsageError(
            f"{address!r} is an address of Ray Client, which Ray Data does not work through; run the command on a "
            "machine of the cluster, with --ray-address auto or HOST:PORT"
        )


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let Ray take 127.0.0.1 as the address of this machine.

    It puts the outward one in its place, and then listens on every interface, as it does for 127.0.0.2.
    """
    from ray._private import services

    before = services.resolve_ip_for_localhost
    services.resolve_ip_for_localhost = lambda host: host
    try:
        yield
    finally:
        services.resolve_ip_for_localhost = before


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables for this process and those it starts, and put back what was there."""
    before = {name: os.environ.get(name) for name in (*variables, *_SET_BY_RAY)}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
