"""A PostgreSQL server of its own for tests, started from Debian's packages and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.ports import free_port

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
BINARIES = _BINARIES[0] if _BINARIES else Path(shutil.which("initdb") or "/nowhere").parent
NEEDS_POSTGRES = pytest.mark.skipif(not (BINARIES / "initdb").exists(), reason="postgresql is not installed")
_NUMBERS = count()


class PostgresServer:
    """A server on loopback. Its databases sort by an English locale, as many do."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        _run("pg_ctl", "-D", str(self._folder), "-l", str(self._folder / "log"), "-o", options, "-w", "start")

    def stop(self) -> None:
        """Cut every connection and stop it."""
        _run("pg_ctl", "-D", str(self._folder), "-m", "immediate", "-w", "stop")

    def database(self) -> str:
        """Make an empty database and return its address."""
        import psycopg

        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://geobrief@127.0.0.1:{self.port}/{database}"


@contextmanager
def postgres_running() -> Iterator[PostgresServer]:
    """A server that is stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="geobrief-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")  # PostgreSQL refuses to run as root
    try:
        how = ("--username=geobrief", "--auth=trust", "--no-sync", "--encoding=UTF8")
        _run("initdb", "-D", str(folder), *how, "--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")
        server = PostgresServer(folder, free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str) -> None:
    user = "postgres" if os.getuid() == 0 else None
    done = subprocess.run(
        [str(BINARIES / program), *arguments], user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode()
