"""The commands of the compose file for servers, run as processes in a clean folder. No container is built."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chroma_server import CHROMA
from tests.compose_files import ROOT, SECRETS, SERVERS, read
from tests.ports import free_port
from tests.postgres_server import BINARIES, NEEDS_POSTGRES

pytestmark = [pytest.mark.slow, NEEDS_POSTGRES, pytest.mark.timeout(300)]

START_S = 100


@dataclass
class Machine:
    """The services of the file as processes in a clean folder, on loopback instead of the inner network."""

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("postgres", "chroma", "app")})

    @property
    def services(self) -> dict[str, Any]:
        postgres, chroma = (f"127.0.0.1:{self.ports[name]}" for name in ("postgres", "chroma"))
        urls = {"CATALOGUE_URL": f"postgresql://geobrief@{postgres}/geobrief", "STORE_URL": f"http://{chroma}"}
        found: dict[str, Any] = read(SERVERS, SECRETS | urls)["services"]
        return found

    def here(self, text: str, name: str) -> str:
        """A part of a service's command, with the paths and the port that it has here."""
        port = {"postgres": "5432", "chroma": "8000", "app": "7860"}[name]
        return re.sub(r"^/data", str(self.folder / name), text.replace(port, str(self.ports[name])))

    def geobrief(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """A command of the app and its environment, with quick models and nothing else that is set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GEOBRIEF_", "PG"))}
        fakes = {"EMBEDDING": "HashEmbeddings", "READER": "SharedWords", "VERIFIER": "SharedWords"}
        models = {f"GEOBRIEF_{part}__MODEL": f"tests.fakes:{name}" for part, name in fakes.items()}
        own = {"GEOBRIEF_INDEX": str(self.folder / "app" / "index"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "rag", *(self.here(one, "app") for one in arguments)]
        return command, kept | models | own | self.services["app"]["environment"]

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command, environment = self.geobrief(*arguments)
        return subprocess.run(
            command, cwd=self.folder, env=environment, input=given, capture_output=True, text=True, timeout=110
        )

    def is_healthy(self, name: str) -> bool:
        program, *rest = self.services[name]["healthcheck"]["test"][1:]
        port = ["--port", str(self.ports["postgres"])] if name == "postgres" else []
        found = BINARIES / program if name == "postgres" else program
        command = [str(found), *(one.replace("8000", str(self.ports["chroma"])) for one in rest), *port]
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("compose"))
    (machine.folder / "app").mkdir(mode=0o700)
    with ExitStack() as running:
        start_postgres(machine, running)
        log = running.enter_context((machine.folder / "chroma.log").open("wb"))
        command = [str(CHROMA), *(machine.here(one, "chroma") for one in machine.services["chroma"]["command"])]
        begin(running, command, cwd=machine.folder, stdout=log, stderr=log)
        for name in ("postgres", "chroma"):
            await_(partial(machine.is_healthy, name))
        yield machine


def start_postgres(machine: Machine, running: ExitStack) -> None:
    """What the image does with these variables: a cluster, its user with a password, a database."""
    given = machine.services["postgres"]["environment"]
    data = Path(tempfile.mkdtemp(prefix="geobrief-compose-"))  # the user of the server cannot enter pytest's folders
    running.callback(shutil.rmtree, data, ignore_errors=True)
    user = None
    if os.getuid() == 0:
        user = "postgres"
        shutil.chown(data, user)
    secret = data.with_suffix(".secret")
    secret.write_text(given["POSTGRES_PASSWORD"] + "\n", encoding="utf-8")
    running.callback(secret.unlink)
    if user:
        shutil.chown(secret, user)
    initdb = [str(BINARIES / "initdb"), "-D", str(data), "--username", given["POSTGRES_USER"], "--pwfile", str(secret)]
    initdb += ["--auth-host=scram-sha-256", "--auth-local=trust", *given["POSTGRES_INITDB_ARGS"].split()]
    subprocess.run(initdb, user=user, cwd="/", check=True, capture_output=True, timeout=100)
    options = ["-p", str(machine.ports["postgres"]), "-c", "listen_addresses=127.0.0.1"]
    server = [str(BINARIES / "postgres"), "-D", str(data), *options, "-c", f"unix_socket_directories={data}"]
    begin(running, server, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    socket = ["--host", str(data), "--port", str(machine.ports["postgres"]), "--username", given["POSTGRES_USER"]]
    make = [str(BINARIES / "createdb"), *socket, given["POSTGRES_DB"]]
    await_(lambda: subprocess.run(make, user=user, cwd="/", capture_output=True, timeout=20).returncode == 0)


def begin(running: ExitStack, command: list[str], **how: Any) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, **how)
    running.callback(process.wait, 30)
    running.callback(process.send_signal, signal.SIGINT)
    return process


def await_(done: Callable[[], bool]) -> None:
    end = time.monotonic() + START_S
    while not done():
        assert time.monotonic() < end, "it did not start"
        time.sleep(0.2)


def test_the_steps_of_the_servers_file_work_in_a_clean_folder(machine: Machine) -> None:
    ingested = machine.run("ingest", str(ROOT / "corpus"), "--json")
    assert ingested.returncode == 0, ingested.stderr
    assert len(json.loads(ingested.stdout)["added"]) == 60
    added = machine.run("users", "add", "ada", "--file", "/data/users.txt", "--stdin", given="correct horse battery\n")
    assert added.returncode == 0, added.stderr
    keyed = machine.run("keys", "add", "notebook", "--file", "/data/keys.txt")
    assert keyed.returncode == 0, keyed.stderr
    key = {"Authorization": f"Bearer {keyed.stdout.split()[-1]}"}
    asked = {"question": "Which country joined NATO on 4 April 2023 as the 31st member of the Alliance?"}
    with ExitStack() as running:
        replicas = [serving(machine, running, port) for port in (machine.ports["app"], free_port())]
        for client in replicas:
            await_(partial(is_ready, client))
            assert client.post("/v1/ask", json=asked).status_code == 401
            reply = client.post("/v1/ask", json=asked, headers=key)
            assert reply.status_code == 200, reply.text
            assert "Finland joined NATO on 4 April 2023" in reply.json()["text"]
    own = {path.name for path in (machine.folder / "app" / "index").iterdir()}
    assert not {"catalogue.sqlite3", "chroma"} & own


def serving(machine: Machine, running: ExitStack, port: int) -> httpx.Client:
    """A replica of the app, on the volume that all of one machine share."""
    serve = [*machine.services["app"]["command"], "--port", str(port), "--api-keys", "/data/keys.txt"]
    command, environment = machine.geobrief(*("127.0.0.1" if one == "0.0.0.0" else one for one in serve))
    log = running.enter_context((machine.folder / f"serve-{port}.log").open("wb"))
    begin(running, command, cwd=machine.folder, env=environment, stdout=log, stderr=log)
    return running.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))


def test_a_wrong_password_is_refused_and_not_told(machine: Machine) -> None:
    command, environment = machine.geobrief("briefs", "list")
    wrong = environment | {"PGPASSWORD": "s3cret-but-wrong"}
    done = subprocess.run(command, cwd=machine.folder, env=wrong, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "cannot be used" in done.stderr
    assert "s3cret-but-wrong" not in done.stdout + done.stderr


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False
