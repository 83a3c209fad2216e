"""What is measured: geobrief's own stages, the peer that a user would otherwise write, and anybody's system.

A system of your own is named `module:factory`. The factory gets the folder of a geobrief index that holds the corpus
(`rag.build.open_index` opens it; its catalogue has every text) and returns an object with

    search(question, history, scope, k) -> list[Document]

best first, each with `metadata["brief_id"]` and, where it knows them, `metadata["start"]` and `metadata["end"]`, the
characters of the brief's text that `page_content` is. Where it answers itself it has `ask(question, history, scope)
-> Answer` as well. It may say who it is by an attribute `identity`, a dict of strings.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.messages import BaseMessage

from rag.answer import Answer
from rag.assistant import Assistant
from rag.build import open_assistant, open_index, open_retriever, warm_up
from rag.errors import UsageError
from rag.retrieve import HybridRetriever
from rag.settings import Settings
from rag.types import Scope

TUTORIAL = "langchain-tutorial"
RANKINGS: Mapping[str, tuple[str, ...]] = {
    "bm25": ("lexical",),
    "dense": ("dense",),
    "hybrid": ("dense", "lexical"),
}


@runtime_checkable
class System(Protocol):
    """Ranks passages for a question."""

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        """Return at most `k` passages, best first."""
        ...


@runtime_checkable
class AnsweringSystem(System, Protocol):
    """A system that answers, or refuses, itself."""

    def ask(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> Answer:
        """Answer one question."""
        ...


@dataclass(frozen=True)
class Site:
    """Where systems work: an index that holds the corpus, and the model it was made with."""

    folder: Path
    settings: Settings
    embeddings: Embeddings


@dataclass(frozen=True)
class Ranker:
    """A retriever of geobrief: bm25, dense or hybrid. History is not looked at."""

    retriever: HybridRetriever
    identity: dict[str, str] = field(default_factory=dict)

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        """Return at most `k` passages, best first."""
        return self.retriever.search(question, scope=scope, k=k)


@dataclass(frozen=True)
class Full:
    """The whole of geobrief: rewriting, retrieval, reading, quoting, verifying."""

    assistant: Assistant
    identity: dict[str, str] = field(default_factory=dict)

    def search(self, question: str, history: Sequence[BaseMessage], scope: Scope, k: int) -> list[Document]:
        """Return the evidence in the reader's order."""
        return list(self.ask(question, history, scope).evidence[:k])

    def ask(self, question: str, history: Sequence[BaseMessage], scope: Scope) -> Answer:
        """Answer one question."""
        return self.assistant.ask(question, history=history, scope=scope)


def open_system(name: str, site: Site) -> System:
    """Open a system by name, ready for its first question.

    Raises:
        UsageError: if no system has that name, or a factory cannot be imported or called.
    """
    if name in RANKINGS:
        return _ranker(name, site)
    if name == "full":
        return _full(site)
    if name == TUTORIAL:
        from rag.evaluation.tutorial import open_tutorial

        return open_tutorial(site)
    return _foreign(name, site.folder)


def check_names(names: Sequence[str]) -> None:
    """Check that each name is a system's, before anything heavy is loaded.

    Raises:
        UsageError: naming the systems there are.
    """
    known = [*RANKINGS, "full", TUTORIAL]
    if not names:
        raise UsageError(f"no system is named; there are {', '.join(known)}, or module:factory")
    for name in names:
        if name in known:
            continue
        if ":" not in name:
            raise UsageError(f"no system is called {name!r}; there are {', '.join(known)}, or module:factory")
        _factory(name)
    if len(set(names)) < len(names):
        raise UsageError(f"a system is named twice in {', '.join(names)}; name each once")


def checked_passages(found: object, *, k: int) -> list[Document]:
    """Return the first `k` passages that a system found, once they are known to be such.

    Raises:
        TypeError: if it is no sequence of Documents, or a `start`, `end` or `similarity` is no number.
        ValueError: if a passage names no brief, or has half a span.
    """
    if not isinstance(found, Sequence):
        raise TypeError(f"passages are a list of Documents, not {type(found).__name__}")
    for passage in found[:k]:
        if not isinstance(passage, Document):
            raise TypeError(f"a passage is a langchain Document, not {type(passage).__name__}")
        _check_metadata(passage.metadata)
    return list(found[:k])


def checked_answer(answer: object) -> Answer:
    """Return what a system answered, once it is known to be an Answer whose passages name their briefs.

    Raises:
        TypeError: as `checked_passages` does, and if it is no Answer; a refusal is one without sentences.
        ValueError: as `checked_passages` does.
    """
    if not isinstance(answer, Answer):
        raise TypeError(f"ask returns a rag.answer.Answer, not {type(answer).__name__}; one without sentences refuses")
    checked_passages(answer.evidence, k=len(answer.evidence))
    cited = [citation.passage for sentence in answer.sentences for citation in sentence.citations]
    checked_passages(cited, k=len(cited))
    return answer


def _check_metadata(data: Mapping[str, Any]) -> None:
    if not data.get("brief_id"):
        raise ValueError("a passage has no metadata['brief_id']; name its brief as the index does")
    for name, kind in (("start", int | None), ("end", int | None), ("similarity", int | float | None)):
        if not isinstance(data.get(name), kind):
            raise TypeError(f"metadata[{name!r}] of a passage is a number, not {data[name]!r}")
    if (data.get("start") is None) != (data.get("end") is None):
        raise ValueError("a passage has a start or an end but not both; give both or neither")


def _ranker(name: str, site: Site) -> Ranker:
    index = open_index(site.settings, embeddings=site.embeddings)
    index.check_identity()
    retriever = open_retriever(index, site.settings, site.embeddings).model_copy(update={"rankings": RANKINGS[name]})
    retriever.search("warm up")
    return Ranker(retriever, {"embedding": index.identity["embedding"]} if "dense" in RANKINGS[name] else {})


def _full(site: Site) -> Full:
    assistant = open_assistant(site.settings, embeddings=site.embeddings)
    warm_up(assistant)
    made = assistant.identities
    return Full(assistant, {"embedding": made.embedding, "reader": made.reader, "dtype": made.dtype})


def _foreign(name: str, folder: Path) -> System:
    factory = _factory(name)
    try:
        system = factory(folder)
    except Exception as error:  # a factory of the user's may raise anything
        raise UsageError(f"the system {name!r} cannot be opened: {type(error).__name__}: {error}") from error
    if not isinstance(system, System):
        raise UsageError(f"{name} returned {type(system).__name__}, which has no search(question, history, scope, k)")
    return system


def _factory(name: str) -> Callable[[Path], Any]:
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # a script of the user's beside which the command is run
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # a module of the user's may raise anything
        raise UsageError(f"the system {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    if not callable(factory):
        raise UsageError(f"{name!r} is no function; name a factory that takes the index folder")
    return factory  # type: ignore[no-any-return]
