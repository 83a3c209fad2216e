"""Where the measured index lies: in a folder, or on servers that are started here and ended afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from rag.settings import CatalogueSettings, Settings, StoreSettings

START_S = 60.0
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
CHROMA = Path(sys.executable).with_name("chroma")


@dataclass
class Places:
    """An index's settings, and the servers that hold it.

    Attributes:
        folder: all files of index and servers lie below it.
        servers: process ids by name.
    """

    folder: Path
    settings: Settings
    servers: dict[str, int] = field(default_factory=dict)

    def restart(self) -> None:
        """End and start the servers, with nothing of their files in memory."""

    def stop(self) -> None:
        """End the servers."""

    def forget_pages(self) -> None:
        """Take the files out of the system's memory, so that they are read from the disk again."""
        for path in self.folder.rglob("*"):
            with suppress(OSError):
                if path.is_file():
                    handle = os.open(path, os.O_RDONLY)
                    os.fsync(handle)
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                    os.close(handle)


class Local(Places):
    """One folder, as `geobrief ingest` makes it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Settings(index=folder / "index"))

    def restart(self) -> None:
        """Take the index's files out of memory."""
        self.forget_pages()


class Servers(Places):
    """PostgreSQL with the options that it comes with, and `chroma run`, both on loopback."""

    def __init__(self, folder: Path) -> None:
        self._postgres, self._chroma = folder / "postgres", folder / "chroma"
        self._ports = {"postgres": _free_port(), "chroma": _free_port()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        url = f"postgresql://geobrief@127.0.0.1:{self._ports['postgres']}/postgres"
        settings = Settings(
            index=folder / "index",
            catalogue=CatalogueSettings(url=SecretStr(url)),
            store=StoreSettings(url=SecretStr(f"http://127.0.0.1:{self._ports['chroma']}"), timeout_s=600),
        )
        super().__init__(folder, settings)
        folder.chmod(0o711)  # so that PostgreSQL's user reaches its own folder below it
        self._postgres.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self._postgres, "postgres")  # PostgreSQL refuses to run as root
        initdb = [str(POSTGRES[0] / "initdb"), "-D", str(self._postgres), "--username=geobrief", "--auth=trust"]
        self._start("initdb", [*initdb, "--encoding=UTF8", "--locale=C.UTF-8"], _postgres_user()).wait(START_S)
        self._start_all()

    def restart(self) -> None:
        """End both, take their files out of memory, and start them."""
        self.stop()
        self.forget_pages()
        self._start_all()

    def stop(self) -> None:
        """Ask both to end, and wait until they have."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(START_S)
        self._processes.clear()

    def _start_all(self) -> None:
        port = str(self._ports["postgres"])
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        postgres = [str(POSTGRES[0] / "postgres"), "-D", str(self._postgres), "-p", port, *options]
        chroma = [str(CHROMA), "run", "--path", str(self._chroma), "--host", "127.0.0.1"]
        chroma += ["--port", str(self._ports["chroma"])]
        self._processes = {
            "postgres": self._start("postgres", postgres, _postgres_user()),
            "chroma": self._start("chroma", chroma),
        }
        self.servers = {name: process.pid for name, process in self._processes.items()}
        _await(lambda: socket.create_connection(("127.0.0.1", self._ports["postgres"]), 5).close())
        heartbeat = f"http://127.0.0.1:{self._ports['chroma']}/api/v2/heartbeat"
        _await(lambda: urllib.request.urlopen(heartbeat, timeout=5).close())
        time.sleep(1.0)  # PostgreSQL takes connections before it takes questions

    def _start(self, name: str, command: list[str], user: str | None = None) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("ab")
        with log:
            return subprocess.Popen(command, user=user, cwd="/", stdout=log, stderr=log)


KINDS: Mapping[str, type[Local | Servers]] = {"local": Local, "servers": Servers}


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[Places]:
    """Yield places of a kind; their servers are ended at the end."""
    if kind == "servers" and not (POSTGRES and CHROMA.exists()):
        raise SystemExit("--places servers needs Debian's postgresql and the command `chroma`")
    places = KINDS[kind](folder)
    try:
        yield places
    finally:
        places.stop()


def _postgres_user() -> str | None:
    return "postgres" if os.getuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(call: object) -> None:
    assert callable(call)
    until = time.monotonic() + START_S
    while True:
        try:
            call()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
