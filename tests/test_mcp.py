"""The MCP server's tools and resources, asked by the SDK's own client in this process."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from rag.mcp_server import LazyCorpus, resources
from rag.mcp_server.reading import MAX_PART_CHARS
from rag.mcp_server.text import uri_of
from rag.record import AnswerRecord
from rag.settings import Settings
from tests.conftest import Desk
from tests.fakes_mcp import OSLO, asked, called, opened, said, structured, three_briefs


@pytest.fixture
def corpus(desk: Desk) -> Desk:
    return three_briefs(desk)


def test_ask_answers_with_numbered_citations_and_the_whole_record(corpus: Desk) -> None:
    result = called(corpus, "ask", question="Who signed the treaty with Sweden?")
    assert said(result).splitlines()[:3] == [
        "Norway signed the treaty with Sweden. [1]",
        "",
        "[1] Harbour talks · 2024-06-03 · Wire · oslo, characters 43-80",
    ]
    record = AnswerRecord.model_validate(structured(result))
    assert record.sentences[0].citations[0].quote == OSLO[43:80]


def test_ask_says_that_it_abstains_and_why_and_that_this_is_no_error(corpus: Desk) -> None:
    result = called(corpus, "ask", question="What is the population of Mongolia?")
    assert not result.is_error
    assert "Mongolia" in said(result).splitlines()[0]
    assert "an abstention, not an error" in said(result)
    record = structured(result)
    assert record["abstained"]
    assert record["reason"] == said(result).splitlines()[0]


def test_ask_takes_the_conversation_as_pairs_and_knows_the_briefs_that_an_answer_cites(corpus: Desk) -> None:
    first = called(corpus, "ask", question="Who signed the treaty with Sweden?")
    pairs = [["Who signed the treaty with Sweden?", said(first)]]
    again = structured(called(corpus, "ask", question="Summarise the first one", history=pairs))
    assert {one["brief_id"] for s in again["sentences"] for one in s["citations"]} == {"oslo"}


LIMITS: list[tuple[dict[str, Any], list[str]]] = [
    ({"from": "2024"}, ["oslo"]),
    ({"to": "2023"}, ["lima"]),
    ({"as_of": "2024-01"}, ["lima"]),
    ({"regions": ["Europe"]}, ["oslo"]),
    ({"sources": ["wire"]}, ["oslo"]),
    ({"topics": ["energy"]}, []),
    ({"briefs": ["bare", "lima"]}, ["lima", "bare"]),
    ({"from": None, "to": ""}, ["oslo", "lima", "bare"]),
]


def test_limits_hold_for_lists_and_searches(corpus: Desk) -> None:
    async def talk(client: Client) -> None:
        for limits, found in LIMITS:
            listed = await client.call_tool("list_briefs", limits)
            assert [one["id"] for one in structured(listed)["briefs"]] == found, limits
            searched = await client.call_tool("search_briefs", {"query": "port treaty quota", "k": 10, **limits})
            assert {one["brief_id"] for one in structured(searched)["passages"]} == set(found), limits
            if not found:
                assert said(listed) == said(searched) == "No brief matches these limits."

    with opened(corpus) as open_corpus:
        asked(open_corpus, talk)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {}, "question: Field required"),
    ("ask", {"question": "?!"}, "the question is empty"),
    ("ask", {"question": "x" * 5000}, "the limit is 4,000"),
    ("ask", {"question": "Who?", "from": "soon"}, "from: 'soon' is no date"),
    ("ask", {"question": "Who?", "from": "2024", "to": "2023"}, "from 2024 is after to 2023"),
    ("ask", {"question": "Who?", "form": "2024"}, "form: Extra inputs"),
    ("ask", {"question": "Who?", "history": [["alone"]]}, "history.0: List should have at least 2"),
    ("ask", {"question": ["Who?"]}, "question: Input should be a valid string"),
    ("search_briefs", {"query": "x", "k": 0}, "k: Input should be greater"),
    ("read_brief", {"id": "nope"}, "there is no brief 'nope'"),
    ("read_brief", {"id": "oslo", "start": 80}, "it has 80, from 0"),
    ("read_brief", {"id": "oslo", "end": 81}, "it has 80, from 0"),
    ("read_brief", {"id": "oslo", "start": 9, "end": 9}, "it has 80, from 0"),
    ("read_brief", {"id": "oslo", "text_sha256": "0" * 64}, "no version whose text has sha256 000"),
    ("list_briefs", {"cursor": "W10"}, "'W10' is no cursor"),
    ("list_briefs", {"cursor": "é"}, "is no cursor"),
    ("add_brief", {"text": "x"}, "briefs may not be added here"),
]


def test_what_is_wrong_is_an_error_with_its_reason(corpus: Desk) -> None:
    async def talk(client: Client) -> None:
        for tool, arguments, told in WRONG:
            result = await client.call_tool(tool, arguments)
            assert result.is_error, arguments
            assert told in said(result)
            assert result.structured_content is None

    with opened(corpus) as open_corpus:
        asked(open_corpus, talk)


def test_an_unknown_tool_is_a_protocol_error(corpus: Desk) -> None:
    async def talk(client: Client) -> None:
        with pytest.raises(MCPError, match="there is no tool 'drop'"):
            await client.call_tool("drop")

    with opened(corpus) as open_corpus:
        asked(open_corpus, talk)


def test_a_missing_index_is_an_error_of_every_call_and_is_found_once_it_is_there(desk: Desk) -> None:
    lazy = LazyCorpus(Settings(index=desk.settings.index, embedding=_FAKE))

    async def talk(client: Client) -> None:
        for tool, arguments in (("ask", {"question": "Who?"}), ("list_briefs", {}), ("read_brief", {"id": "oslo"})):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert "there is no index at" in said(result)
        with pytest.raises(MCPError, match="there is no index at"):
            await client.list_resources()
        desk.write("oslo.md", OSLO, id="oslo", title="Harbour talks")
        desk.ingest()
        assert "[1] Harbour talks" in said(await client.call_tool("ask", {"question": "Who signed the treaty?"}))

    asked(lazy, talk)


_FAKE: Any = {"model": "tests.fakes:HashEmbeddings"}


def test_a_broken_index_is_told_without_its_insides(corpus: Desk) -> None:
    class Broken(LazyCorpus):
        def open_catalogue(self) -> Any:
            raise ZeroDivisionError("secret detail")

        open_assistant = open_catalogue

    async def talk(client: Client) -> None:
        result = await client.call_tool("list_briefs", {})
        assert result.is_error
        assert said(result) == "something went wrong in the server; its log (stderr) has details"
        with pytest.raises(MCPError, match="something went wrong in the server"):
            await client.read_resource("brief://oslo")

    asked(Broken(corpus.settings), talk)


def test_tools_declare_what_they_take_return_and_do(corpus: Desk) -> None:
    with opened(corpus) as closed, opened(corpus, adds=True) as adding:
        tools = {tool.name: tool for tool in asked(adding, lambda client: client.list_tools()).tools}
        assert {tool.name for tool in asked(closed, lambda client: client.list_tools()).tools} == {*tools} - {
            "add_brief"
        }
    assert [*tools] == ["ask", "search_briefs", "read_brief", "list_briefs", "add_brief"]
    for name, tool in tools.items():
        assert tool.annotations
        assert tool.annotations.read_only_hint is (name != "add_brief")
        assert tool.annotations.destructive_hint is False
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema
    assert "sentences" in tools["ask"].output_schema["properties"]


def test_read_brief_gives_long_briefs_in_parts_that_join_to_the_text(desk: Desk) -> None:
    text = "\n\n".join(f"Paragraph {n} of the long report. " + "It goes on. " * 20 for n in range(150)).strip()
    desk.write("long.md", text, id="long", title="Long")
    desk.ingest()

    async def talk(client: Client) -> str:
        parts, start = [], 0
        while start is not None:
            part = structured(await client.call_tool("read_brief", {"id": "brief://long", "start": start}))
            assert len(part["text"]) <= MAX_PART_CHARS
            assert part["start"] == start
            parts.append(part["text"])
            start = part["next_start"]
        assert len(parts) == 3
        assert all(part.endswith("\n\n") for part in parts[:-1])
        span = structured(await client.call_tool("read_brief", {"id": "long", "start": 5, "end": 25}))
        assert span["text"] == text[5:25]
        assert span["next_start"] is None
        return "".join(parts)

    with opened(desk) as corpus:
        assert asked(corpus, talk) == text


def test_read_brief_gives_an_older_version_by_its_digest_and_tells_of_a_removed_one(corpus: Desk) -> None:
    old = structured(called(corpus, "read_brief", id="oslo"))["text_sha256"]
    corpus.write("oslo.md", "The talks were resumed.", id="oslo", title="Harbour talks", date="2024-07-01")
    corpus.ingest()
    assert structured(called(corpus, "read_brief", id="oslo"))["text"] == "The talks were resumed."
    older = called(corpus, "read_brief", id="oslo", text_sha256=old)
    assert structured(older)["text"] == OSLO
    assert "This version was replaced or removed on" in said(older)
    (corpus.corpus / "oslo.md").unlink()
    corpus.ingest(prune=True)
    gone = called(corpus, "read_brief", id="oslo")
    assert gone.is_error
    assert "brief 'oslo' was removed on" in said(gone)


def test_pages_of_briefs_join_to_the_list_though_it_changes_between_them(corpus: Desk) -> None:
    async def talk(client: Client) -> list[str]:
        ids, cursor = [], None
        while True:
            page = structured(await client.call_tool("list_briefs", {"limit": 1, "cursor": cursor}))
            ids += [one["id"] for one in page["briefs"]]
            assert len(ids) < 5
            cursor = page["next_cursor"]
            if cursor is None:
                return ids
            corpus.write("newest.md", "A summit opened.", id="newest", title="Summit", date="2025-01-01")
            corpus.ingest()

    with opened(corpus) as open_corpus:
        assert asked(open_corpus, talk) == ["oslo", "lima", "bare"]


def test_resources_are_listed_in_pages_and_read_as_plain_text(corpus: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "PAGE", 2)

    async def talk(client: Client) -> None:
        first = await client.list_resources()
        rest = await client.list_resources(cursor=first.next_cursor)
        listed = [*first.resources, *rest.resources]
        assert [one.uri for one in listed] == ["brief://oslo", "brief://lima", "brief://bare"]
        assert (len(first.resources), rest.next_cursor) == (2, None)
        assert (listed[0].title, listed[0].description) == ("Harbour talks", "2024-06-03 · Wire")
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "brief://{id}"
        (content,) = (await client.read_resource("brief://oslo")).contents
        assert isinstance(content, TextResourceContents)
        assert (content.text, content.mime_type) == (OSLO, "text/plain")
        assert content.meta
        assert content.meta["geobrief/brief"]["title"] == "Harbour talks"
        for uri in ("brief://nope", "brief://", "file:///etc/passwd", "brief://" + "x" * 500):
            with pytest.raises(MCPError) as failure:
                await client.read_resource(uri)
            assert failure.value.error.code == -32602
        with pytest.raises(MCPError, match="is no cursor"):
            await client.list_resources(cursor="next")

    with opened(corpus) as open_corpus:
        asked(open_corpus, talk)


def test_ids_of_any_letters_make_addresses_that_are_read_again(desk: Desk) -> None:
    odd = "Kyïv%2F?q=[1]&a:b(c),d"
    desk.write("odd.md", OSLO, id=f"'{odd}'", title="Odd")
    desk.ingest()

    async def talk(client: Client) -> None:
        (listed,) = (await client.list_resources()).resources
        assert listed.uri == uri_of(odd)
        assert (await client.read_resource(listed.uri)).contents
        for name in (odd, listed.uri):
            assert structured(await client.call_tool("read_brief", {"id": name}))["id"] == odd
        first = said(await client.call_tool("ask", {"question": "Who signed the treaty with Sweden?"}))
        pairs = [["Who signed?", first]]
        again = await client.call_tool("ask", {"question": "Summarise the first one", "history": pairs})
        assert structured(again)["sentences"][0]["citations"][0]["brief_id"] == odd

    with opened(desk) as corpus:
        asked(corpus, talk)
