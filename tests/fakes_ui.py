"""An assistant over two short briefs, for the tests of the chat.

`python fakes_ui.py PORT` serves the chat with it, and reports any look beyond this machine as a line "OUTSIDE ...".
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.documents import Document
from langchain_core.messages import BaseMessage

from rag.answer import Answer, Answered, BriefRef, Citation, Event, Identities, Retrieved, Rewritten, Said, Sentence
from rag.catalogue import BriefRow
from rag.errors import UsageError
from rag.types import Scope, sha256
from rag.ui.library import Facets, WholeBrief

EXAMPLES = ("What sectors will they cooperate on?", "Who won the cup?", "When did the talks end?")

BEIJING = (
    "Putin and Xi met in Beijing. They agreed to cooperate in industry, space and nuclear energy. "
    "The visit lasted two days."
)
HARBOUR = "The talks on the harbour ended in June. No text was published."

HOSTILE = (
    "<img src=x onerror=window.hacked=1> <script>window.hacked=1</script> [link](javascript:window.hacked=1) "
    "![](http://images.invalid/a.png) <a href='http://links.invalid'>a</a> $$\\frac{1}{2}$$ ${window.hacked=1} "
    "{{#each this}}x{{/each}} `code` **bold** https://auto.invalid\n\n# Heading\n\n</div><iframe src=//frames.invalid>"
)


def passage(text: str, *, brief_id: str, title: str, start: int = 0, **known: object) -> Document:
    """A passage with the metadata that a real one has."""
    metadata = {
        "brief_id": brief_id,
        "chunk_id": f"{brief_id}#0",
        "title": title,
        "date": None,
        "source": None,
        "url": None,
        "heading": "",
        "page": None,
        "start": start,
        "end": start + len(text),
        "sha256": sha256(text),
        "text_sha256": "",
        **known,
    }
    return Document(page_content=text, metadata=metadata)


def quoted(evidence: Sequence[Document], n: int, quote: str) -> Sentence:
    """A sentence that is a quote from passage `n`."""
    source = evidence[n - 1]
    start = source.metadata["start"] + source.page_content.index(quote)
    citation = Citation(n, start, start + len(quote), quote, source.metadata["page"], source)
    return Sentence(quote, (citation,), 1.0)


def answer(
    question: str, sentences: Sequence[Sentence] = (), evidence: Sequence[Document] = (), **more: object
) -> Answer:
    """An answer about everything."""
    made_by = Identities("fake", "fake", "float32", "0")
    more.setdefault("timings_ms", dict.fromkeys(("rewrite", "retrieve", "read", "answer", "verify", "total"), 1.0))
    return Answer(question, question, Scope(), tuple(sentences), tuple(evidence), made_by, **more)  # type: ignore[arg-type]


class FakeAnswers:
    """Answers about sectors and talks, quotes hostile text on demand, has a bug at "crash", and refuses the rest.

    Asked "slowly", it takes a second for each sentence. `histories` holds what came with each question.
    """

    def __init__(self) -> None:
        self.histories: list[tuple[BaseMessage, ...]] = []
        self.evidence = (
            passage(BEIJING, brief_id="beijing", title="Putin in Beijing", start=100, date="2024-05-16", page=3,
                    source="Example Wire", region=["China", "Russia"], url="https://example.org/beijing"),
            passage(HARBOUR, brief_id="harbour", title="Talks on the harbour", url="javascript:alert(1)"),
        )  # fmt: skip

    def stream(
        self, question: str, *, history: Sequence[BaseMessage] = (), scope: Scope = Scope(), dates: bool = True
    ) -> Iterator[Event]:
        """As an assistant does; a scope is put into the answer."""
        if not question.strip():
            raise UsageError("the question is empty; ask something")
        if len(question) > 10_000:
            raise UsageError(f"the question has {len(question):,} characters; at most 10,000 are read")
        if "crash" in question:
            raise ValueError("a bug")
        self.histories.append(tuple(history))
        before = sum(message.type == "human" for message in history)
        yield Rewritten(f"{question} ({before} before)" if "how many" in question else question)
        evidence = self._found(question)
        yield Retrieved(evidence)
        sentences = self._sentences(question, evidence)
        for sentence in sentences:
            time.sleep(1.0 if "slowly" in question else 0.0)
            yield Said(sentence)
        yield Answered(replace(self._whole(question, sentences, evidence), scope=scope))

    def _found(self, question: str) -> tuple[Document, ...]:
        if "hostile" not in question:
            return self.evidence
        return (passage(HOSTILE, brief_id="hostile", title=HOSTILE, heading=HOSTILE, source=HOSTILE, region=[HOSTILE]),)

    def _sentences(self, question: str, evidence: tuple[Document, ...]) -> tuple[Sentence, ...]:
        if "hostile" in question:
            return (quoted(evidence, 1, HOSTILE),)
        if "sectors" in question:
            agreed = "They agreed to cooperate in industry, space and nuclear energy."
            return (quoted(evidence, 1, "Putin and Xi met in Beijing."), quoted(evidence, 1, agreed))
        return (quoted(evidence, 2, "The talks on the harbour ended in June."),) if "talks" in question else ()

    def _whole(self, question: str, sentences: tuple[Sentence, ...], evidence: tuple[Document, ...]) -> Answer:
        if sentences:
            return answer(question, sentences, evidence, notes=("1 undated brief was left out",))
        nearest = (BriefRef("beijing", "Putin in Beijing", "2024-05-16"), BriefRef("harbour", "Talks", None))
        return answer(question, (), evidence, reason="The briefs say nothing about a cup.", nearest=nearest)


class FakeLibrary:
    """The two briefs, whole."""

    def __init__(self) -> None:
        before = "The day before was quiet. ".ljust(99) + "\n"
        self.texts = {"beijing": f"{before}{BEIJING}\n\nThe end.", "harbour": HARBOUR, "hostile": HOSTILE}

    def facets(self) -> Facets:
        return Facets(regions=("China", "Russia"), sources=("Example Wire",), topics=("energy", HOSTILE))

    def briefs(self) -> Sequence[BriefRow]:
        return ()

    def whole(self, brief_id: str, text_sha256: str | None = None) -> WholeBrief | None:
        text = self.texts.get(brief_id)
        if text is None:
            return None
        return WholeBrief(brief_id, f"The brief {brief_id}", "2024-05-16", "Example Wire", None, text, "", (0, 50))

    def newest(self) -> str | None:
        return "2024-05-16"


LOOPBACK = (None, "", "127.0.0.1", "localhost", "::1", b"127.0.0.1", b"localhost")


def report_outside(event: str, args: tuple[object, ...]) -> None:
    """Audit hook: refuse, and say aloud, any connection or name look-up beyond this machine."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        host = args[1][0] if isinstance(args[1], tuple) else None
    else:
        return
    if host not in LOOPBACK:
        print(f"OUTSIDE {event} {host!r}", flush=True)
        raise OSError(f"no network in tests: {host!r}")


if __name__ == "__main__":
    sys.addaudithook(report_outside)
    from rag import ui
    from rag.ui.web.exporting import export_route
    from rag.ui.web.visitor import user_of
    from rag.userdata import UserData

    with TemporaryDirectory() as folder:
        userdata = UserData(Path(folder) / "userdata.db")
        page = ui.build_ui(FakeAnswers(), examples=EXAMPLES, library=FakeLibrary(), userdata=userdata)
        routes = [export_route(userdata, user_of)]
        ui.launch(page, host="127.0.0.1", port=int(sys.argv[1]), examples=EXAMPLES, routes=routes)
        userdata.close()
    print("ended")
