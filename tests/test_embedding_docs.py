"""The examples of docs/embedding.md and the notebook beside it do what they say, over an index of two briefs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder

from rag.build import open_assistant, open_embeddings, open_index
from rag.cli.main import run
from rag.cli.service import ServiceOptions, open_service
from rag.ingest import sync
from rag.settings import load_settings
from rag.uploads import Uploads
from tests.fakes_service import served
from tests.test_langchain_parts import Scripted

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BRIEFS = ("2023-04-04-finland-nato.md", "2024-05-16-putin-beijing.md")
ADDRESS = "http://127.0.0.1:7860"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class SharedBeginnings(BaseCrossEncoder):
    """Log-odds by the share of the question's longer words that begin as one of the text: "join" and "joined"."""

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [12 * _shared(question, text) - 9 for question, text in text_pairs]


def _shared(question: str, text: str) -> float:
    asked, held = ({word[:4] for word in re.findall(r"\w{4,}", one.lower())} - {"when"} for one in (question, text))
    return len(asked & held) / len(asked) if asked else 0.0


@dataclass(frozen=True)
class Example:
    """A block of code, and what it is said to print."""

    code: str
    prints: str | None


def examples(heading: str, language: str = "python") -> list[Example]:
    """The blocks of a section, each with the text block that follows it."""
    page = (DOCS / "embedding.md").read_text(encoding="utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = _BLOCK.findall(section)
    following = [*blocks[1:], ("", "")]
    return [
        Example(code, text if kind == "text" else None)
        for (found, code), (kind, text) in zip(blocks, following, strict=True)
        if found == language
    ]


def run_all(shown: list[Example], capsys: pytest.CaptureFixture[str], address: str = ADDRESS, **known: Any) -> None:
    """Run blocks one after the other, as a reader would; each must print what the page says."""
    names = dict(known)
    for example in shown:
        exec(compile(example.code.replace(ADDRESS, address), "embedding.md", "exec"), names)
        printed = capsys.readouterr().out
        if example.prints is not None:
            assert printed == example.prints, example.code
    for opened in names.values():
        if hasattr(opened, "close") and not isinstance(opened, type):
            with suppress(TypeError):
                opened.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an index in `.geobrief`, as the examples expect it, and settings that name quick models."""
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    monkeypatch.setenv("GEOBRIEF_READER__MODEL", "tests.test_embedding_docs:SharedBeginnings")
    monkeypatch.chdir(tmp_path)
    report = sync(open_index(load_settings(), create=True), [ROOT / "corpus" / name for name in BRIEFS])
    assert not report.failed
    return tmp_path


@pytest.fixture
def address(here: Path) -> Iterator[str]:
    """Where `geobrief serve` would answer programs."""
    settings = load_settings()
    embeddings = open_embeddings(settings)
    options = ServiceOptions(None, True, 2, 64, 60.0, 0, None, True, False)
    assistant = open_assistant(settings, embeddings=embeddings)
    with (
        closing(Uploads(settings, embeddings=embeddings)) as uploads,
        closing(open_service(options, None, assistant, uploads, settings)) as service,
        served(service) as url,
    ):
        yield url


def test_the_examples_in_python_print_what_the_page_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = examples("Python")
    assert len(shown) == 5
    run_all(shown, capsys)


def test_the_examples_with_langchain_print_what_the_page_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = examples("langchain")
    assert len(shown) == 3
    run_all(shown, capsys, model=Scripted(asks="When did Finland join NATO?"))


@pytest.mark.parametrize(("heading", "number"), [("HTTP", 1), ("OpenAI's protocol", 4), ("MCP", 1)])
def test_the_examples_for_a_server_print_what_the_page_says(
    address: str, capsys: pytest.CaptureFixture[str], heading: str, number: int
) -> None:
    shown = examples(heading)
    assert len(shown) == number
    run_all(shown, capsys, address)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_example_with_curl_gets_an_answer(address: str) -> None:
    [example] = examples("HTTP", "sh")
    done = subprocess.run(
        ["bash", "-c", example.code.replace(ADDRESS, address)], capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["sentences"][0]["text"].startswith("Finland joined NATO on 4 April 2023")


def test_the_notebook_runs_from_top_to_bottom(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = json.loads((DOCS / "embedding.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile("".join(cell["source"]), f"embedding.ipynb, cell {cell['id']}", "exec"), names)
    printed = capsys.readouterr().out
    assert "2023-04-04-finland-nato, characters 0-79" in printed
    assert "False True" in printed
    assert run(["verify", str(here / "answer.json")]) == 0


def test_the_first_answer_takes_ten_lines_at_most() -> None:
    assert len(examples("Python")[0].code.splitlines()) <= 10
