"""Briefs that MCP clients add, many calls at once, and calls that are given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp import Client

from rag.errors import IndexMissing
from rag.mcp_server import LazyCorpus, server
from rag.settings import Settings
from tests.conftest import Desk
from tests.fakes_mcp import OSLO, SlowAssistant, asked, called, opened, said, structured, three_briefs

FAKE: Any = {"model": "tests.fakes:HashEmbeddings"}
PATIENCE_S = 60.0
"""How long a thread may take to begin or end where other tests run beside it."""


@pytest.fixture
def corpus(desk: Desk) -> Desk:
    return three_briefs(desk)


def test_an_added_brief_can_be_asked_about_when_the_call_returns(corpus: Desk) -> None:
    text = "Chile and Bolivia reopened the railway to Arica. A ceremony was held."
    fields = {"title": "Railway: 'reopened' #1", "date": "2024-08", "regions": ["americas"], "source": "Desk"}

    async def talk(client: Client) -> None:
        added = structured(await client.call_tool("add_brief", {"text": text, **fields}))
        assert (added["is_new"], added["file"]) == (True, "Railway-reopened-1.md")
        (brief_id,) = added["briefs"]
        answer = structured(await client.call_tool("ask", {"question": "Who reopened the railway to Arica?"}))
        assert answer["sentences"][0]["citations"][0]["brief_id"] == brief_id
        (listed,) = structured(await client.call_tool("list_briefs", {"briefs": [brief_id]}))["briefs"]
        told = {
            "title": listed["title"],
            "date": listed["date"],
            "regions": listed["regions"],
            "source": listed["source"],
        }
        assert told == fields
        again = structured(await client.call_tool("add_brief", {"text": text, **fields}))
        assert (again["is_new"], again["briefs"]) == (False, [brief_id])

    with opened(corpus, adds=True) as open_corpus:
        asked(open_corpus, talk)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"text": "---\ntitle: A\n---\nText.", "title": "B"}, "title is given beside it"),
    ({"text": "---\ntitle: [\n---\nText."}, "the brief was not added: "),
    ({"text": "A text.", "date": "yesterday"}, "the brief was not added: "),
    ({"text": " \n "}, "the brief was not added: "),
    ({"text": ""}, "text: Field required"),
    ({"text": "x" * 1_000_001}, "text: String should have at most"),
]


def test_a_brief_that_cannot_be_added_is_an_error_with_the_reason(corpus: Desk) -> None:
    async def talk(client: Client) -> None:
        for arguments, told in REFUSED:
            result = await client.call_tool("add_brief", arguments)
            assert result.is_error, arguments
            assert told in said(result)
        assert structured(await client.call_tool("list_briefs"))["total"] == 3

    with opened(corpus, adds=True) as open_corpus:
        asked(open_corpus, talk)


def test_a_file_name_leads_nowhere_else(corpus: Desk) -> None:
    added = structured(called(corpus, "add_brief", adds=True, text=f"{OSLO} Again.", name="../../../evil\x00.html"))
    assert "/" not in added["file"]
    assert added["file"].endswith(".md")
    assert (corpus.settings.index / "uploads" / added["file"]).is_file()


def test_calls_at_once_each_get_their_own_answer(corpus: Desk) -> None:
    questions = {"Who signed the treaty with Sweden?": "oslo", "Who opened a port in Chancay?": "lima"}

    async def talk(client: Client) -> None:
        results = await asyncio.gather(*(client.call_tool("ask", {"question": q}) for q in [*questions] * 12))
        for question, result in zip([*questions] * 12, results, strict=True):
            assert structured(result)["question"] == question
            assert structured(result)["sentences"][0]["citations"][0]["brief_id"] == questions[question]

    with opened(corpus) as open_corpus:
        asked(open_corpus, talk)


def test_a_cancelled_question_is_given_up_and_makes_room() -> None:
    slow = SlowAssistant()

    class Slow(LazyCorpus):
        def open_assistant(self) -> Any:
            return slow

    async def talk(client: Client) -> None:
        asking = asyncio.create_task(client.call_tool("ask", {"question": "Who?"}))
        assert await asyncio.to_thread(slow.begun.wait, PATIENCE_S)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(slow.left.wait, PATIENCE_S)

    asked(Slow(Settings()), talk)


def test_a_question_more_than_can_wait_is_an_error_that_says_when_to_return(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowAssistant()
    monkeypatch.setattr(server, "THREADS", 1)
    monkeypatch.setattr(server, "MAX_WAITING", 0)

    class Slow(LazyCorpus):
        def open_assistant(self) -> Any:
            return slow

    async def talk(client: Client) -> None:
        asking = asyncio.create_task(client.call_tool("ask", {"question": "Who?"}))
        assert await asyncio.to_thread(slow.begun.wait, PATIENCE_S)
        refused = await client.call_tool("ask", {"question": "Who?"})
        assert refused.is_error
        assert said(refused).startswith("Too many questions wait; try again. Wait ")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asked(Slow(Settings()), talk)


def test_a_lazy_corpus_loads_once_for_all_that_wait(corpus: Desk) -> None:
    lazy = LazyCorpus(Settings(index=corpus.settings.index, embedding=FAKE))
    with pytest.raises(IndexMissing):
        LazyCorpus(Settings(index=corpus.settings.index / "none", embedding=FAKE)).open_assistant()

    async def main() -> None:
        opened = await asyncio.gather(*(asyncio.to_thread(lazy.open_assistant) for _ in range(8)))
        assert all(one is opened[0] for one in opened)

    asyncio.run(main())
