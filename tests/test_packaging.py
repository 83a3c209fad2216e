"""The wheel works where no repository is; the image and the compose file hold what they promise."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
import yaml

from rag.settings import OTHER_VARIABLES, PREFIX, Settings

ROOT = Path(__file__).parents[1]
LINKED = ("corpus", "evals/datasets/briefs")
"""Folders of the repository that links below rag/data/starter lead to."""
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
TRIES = 120
QUESTION = "Which country joined NATO on 4 April 2023 as the 31st member of the Alliance?"


@dataclass(frozen=True)
class Installed:
    """The wheel, unpacked as pip does, and an empty folder to work in."""

    wheel: Path
    target: Path
    work: Path

    def command(self, *arguments: str) -> list[str]:
        # -S: the environment's own link to the repository is not followed.
        return [sys.executable, "-S", "-m", "rag", *arguments]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        places = [self.target, self.target.parent / "fakes", sysconfig.get_path("purelib")]
        fakes = {"EMBEDDING": "HashEmbeddings", "READER": "SharedWords", "VERIFIER": "SharedWords"}
        chosen = {f"{PREFIX}{part}__MODEL": f"tests.fakes:{name}" for part, name in fakes.items()}
        return kept | chosen | {"PYTHONPATH": os.pathsep.join(map(str, places)), "HF_HUB_OFFLINE": "1"}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.work,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel from a copy, so that nothing is left in the repository and nothing left there gets in."""
    base = tmp_path_factory.mktemp("packaging")
    source = base / "source"
    for folder in ("rag", *LINKED):
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    (base / "work").mkdir()
    (base / "fakes" / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "fakes.py", base / "fakes" / "tests")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(base), str(source)]
    subprocess.run(build, check=True, capture_output=True, timeout=110)
    (wheel,) = base.glob("*.whl")
    install = [*pip, "install", "--no-deps", "--no-index", "--target", str(base / "target"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=110)
    return Installed(wheel, base / "target", base / "work")


@pytest.fixture(scope="module")
def ingested(installed: Installed) -> Installed:
    done = installed.run("ingest", "--starter")
    assert done.returncode == 0, done.stderr
    return installed


def files_below(folder: Path) -> Iterator[Path]:
    """Walk through links, too."""
    for place, _, names in os.walk(folder, followlinks=True):
        if "__pycache__" not in place:
            yield from (Path(place) / name for name in names)


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package_and_no_other(installed: Installed) -> None:
    own = {path.relative_to(ROOT).as_posix() for path in files_below(ROOT / "rag")}
    inside = {name for name in zipfile.ZipFile(installed.wheel).namelist() if ".dist-info/" not in name}
    assert {"rag/prompts/answer.md", "rag/schema/answer.schema.json", "rag/models/reader/model.safetensors"} <= inside
    assert "rag/data/starter/corpus/2023-06-23-india-artemis-accords.docx" in inside
    assert inside == own


@pytest.mark.slow
def test_the_command_line_runs_from_the_wheel_in_an_empty_folder(installed: Installed) -> None:
    done = installed.run("--help")
    assert done.returncode == 0, done.stderr
    assert "ingest" in done.stdout
    where = "import rag, importlib.metadata as m; print(rag.__file__, m.version('geobrief'))"
    told = subprocess.run(
        [sys.executable, "-S", "-c", where],
        cwd=installed.work,
        env=installed.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert told.stdout.split() == [str(installed.target / "rag" / "__init__.py"), version]


@pytest.mark.slow
def test_the_starter_corpus_is_ingested_and_asked_from_the_wheel(ingested: Installed) -> None:
    again = ingested.run("ingest", "--starter", "--json")
    report = json.loads(again.stdout)
    assert (len(report["added"]), len(report["unchanged"]), report["failed"]) == (0, 60, [])
    done = ingested.run("ask", QUESTION, "--json")
    assert done.returncode == 0, done.stderr
    (ingested.work / "answer.json").write_text(done.stdout, encoding="utf-8")
    quote = json.loads(done.stdout)["sentences"][0]["citations"][0]["quote"]
    assert quote == "Finland joined NATO on 4 April 2023 and is now the 31st member of the Alliance."
    assert ingested.run("verify", "answer.json").returncode == 0


@pytest.mark.slow
def test_the_questions_on_the_starter_corpus_are_found_from_the_wheel(ingested: Installed) -> None:
    asked = ("--dataset", "briefs", "--split", "dev", "--systems", "bm25", "--limit", "5", "--answers", "0")
    done = ingested.run("eval", *asked, "--json", "report.json", "--no-keep")
    assert done.returncode == 0, done.stderr
    dataset = json.loads((ingested.work / "report.json").read_text(encoding="utf-8"))["dataset"]
    assert (dataset["name"], dataset["n_documents"]) == ("briefs", 60)


@pytest.mark.slow
def test_the_chat_is_served_from_the_wheel(ingested: Installed) -> None:
    with serving(ingested) as address:
        page = urllib.request.urlopen(address, timeout=10).read().decode()
        assert "geobrief" in page
        assert urllib.request.urlopen(f"{address}/theme.css", timeout=10).status == 200
        assert subprocess.run(health_check(address), timeout=30, check=False).returncode == 0
    assert subprocess.run(health_check(address), timeout=30, check=False, stderr=subprocess.DEVNULL).returncode != 0


@contextmanager
def serving(installed: Installed) -> Iterator[str]:
    """Yield the address of a server that is stopped, and stops without fault, at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        (installed.work / "serve.log").open("w+") as log,
        subprocess.Popen(
            installed.command("serve", "--port", str(port)),
            cwd=installed.work,
            env=installed.environment() | {"GRADIO_TEMP_DIR": str(installed.work / "received")},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process, Path(log.name))
            yield address
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0, Path(log.name).read_text()
        finally:
            process.kill()


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(TRIES):
        assert process.poll() is None, log.read_text()
        with suppress(URLError, ConnectionError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.5)
    raise AssertionError(f"no answer from {address}: {log.read_text()}")


def instructions(stage: int = -1) -> list[tuple[str, str]]:
    """Instructions of a stage of the Dockerfile, the last by default, with continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    text = re.split(r"(?m)^(?=FROM )", joined)[stage]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def health_check(address: str) -> list[str]:
    """The image's own, at another port."""
    command = dict(instructions())["HEALTHCHECK"].partition(" CMD ")[2]
    python, *rest = json.loads(command.replace("7860", address.rpartition(":")[2]))
    assert python == "python"
    return [sys.executable, *rest]


def test_the_image_runs_as_nobody_special() -> None:
    kinds = [kind for kind, _ in instructions()]
    user = dict(instructions())["USER"]
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert not {"RUN", "COPY", "ADD"} & set(kinds[kinds.index("USER") :])


def test_settings_in_the_image_name_what_there_is() -> None:
    names = re.findall(rf"{PREFIX}\w+", DOCKERFILE + (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert f"{PREFIX}INDEX" in names
    known = {*Settings.model_fields, *OTHER_VARIABLES}
    assert {name.removeprefix(PREFIX).split("__")[0].lower() for name in names} <= known


def test_what_the_image_is_built_from_is_sent_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    copies = [text.split()[:-1] for kind, text in instructions(1) if kind == "COPY"]
    assert sent == {name for names in copies for name in names}
    assert set(LINKED) <= sent
    assert all((ROOT / name).exists() for name in sent)
    assert any(fnmatch.fnmatch("rag/.env", rule.replace("**/", "*/")) for rule in rules[-2:])


def test_the_container_may_do_little_and_is_reached_from_this_machine_alone() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    (app,) = compose["services"].values()
    assert (app["read_only"], app["cap_drop"], app.get("privileged", False)) == (True, ["ALL"], False)
    assert app["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in app["ports"])
    assert "--insecure" not in app["command"]
    named = {volume.split(":")[0] for volume in app["volumes"] if not volume.startswith(("$", ".", "/"))}
    assert named == set(compose["volumes"])
