"""The chat without a browser: what is rendered, what is remembered, what is served."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

import pytest
from langchain_core.messages import BaseMessage

from rag.errors import IndexLocked, UsageError
from rag.types import Answered, BriefRef, Citation, Event, Retrieved, Rewritten, Said, Sentence
from rag.ui.conversation import WENT_WRONG, Turn, converse, history
from rag.ui.port import listening_socket, require_free_port
from rag.ui.render import answer_html, evidence_html, is_web_address, question_html
from tests.fakes_ui import BEIJING, HOSTILE, FakeAnswers, answer, passage, quoted

EVIDENCE = FakeAnswers().evidence
AGREED = "They agreed to cooperate in industry, space and nuclear energy."


class Page(HTMLParser):
    """What a browser would make of the HTML: its tags, its attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def turn(*events: Event, question: str = "What did they agree on?") -> Turn:
    return Turn(question, events)


def answered(*sentences: Sentence, question: str = "What did they agree on?", **more: object) -> Turn:
    return turn(Answered(answer(question, sentences, EVIDENCE, **more)), question=question)


def marks(html: str) -> list[str]:
    return re.findall(r"<mark[^>]*>(.*?)</mark>", html)


class Scripted:
    """Yields the given events, then raises the given error."""

    def __init__(self, *events: Event, error: Exception | None = None) -> None:
        self.events, self.error = events, error

    def stream(self, question: str, *, history: Sequence[BaseMessage] = (), dates: bool = True) -> Iterator[Event]:
        yield from self.events
        if self.error:
            raise self.error


# What is rendered


def test_evidence_marks_the_cited_characters_of_the_passage() -> None:
    html = evidence_html(answered(quoted(EVIDENCE, 1, AGREED)))
    assert marks(html) == [AGREED]
    assert BEIJING in Page(html).text


def test_overlapping_quotes_are_marked_once_and_name_both_sentences() -> None:
    first, second = quoted(EVIDENCE, 1, "met in Beijing. They agreed"), quoted(EVIDENCE, 1, "They agreed to cooperate")
    html = evidence_html(answered(first, second))
    assert re.findall(r'<mark data-sentences="([\d ]+)">(.*?)</mark>', html) == [
        ("0", "met in Beijing. "),
        ("0 1", "They agreed"),
        ("1", " to cooperate"),
    ]


def test_a_span_that_reaches_out_of_its_passage_is_marked_as_far_as_it_is_inside() -> None:
    outside = Sentence("Putin", (Citation(1, 90, 105, "", None, EVIDENCE[0]),))
    assert marks(evidence_html(answered(outside))) == ["Putin"]


def test_evidence_shows_title_date_source_region_and_page() -> None:
    text = Page(evidence_html(answered(quoted(EVIDENCE, 1, AGREED)))).text
    assert "2024-05-16 · Example Wire · China, Russia · page 3" in text
    assert "Talks on the harbour" in text
    assert "undated · source not stated" in text


def test_uncited_passages_are_folded_away_behind_the_cited_ones() -> None:
    html = evidence_html(answered(quoted(EVIDENCE, 2, "No text was published.")))
    assert html.index('evidence-2"') < html.index("Also read, not cited (1)") < html.index('evidence-1"')


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://example.org/a?b=c&d=e", True),
        ("HTTP://example.org", True),
        ("javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:///nohost", False),
        ("https://[broken", False),
        ("https://a.org/' onclick='x", False),
        (" https://example.org", False),
        ("file:///etc/passwd", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_web_address_becomes_a_link(url: str | None, is_link: bool) -> None:
    assert is_web_address(url) is is_link
    evidence = (passage("Text.", brief_id="a", title="A", url=url),)
    html = evidence_html(turn(Retrieved(evidence)))
    assert ("Open the source" in html) is is_link


def test_each_sentence_ends_with_a_link_to_its_evidence() -> None:
    html = answer_html(answered(quoted(EVIDENCE, 1, AGREED), quoted(EVIDENCE, 2, "No text was published.")), number=4)
    assert Page(html).text.startswith(f"{AGREED} [1]No text was published. [2]")
    assert re.findall(r'href="(#[^"]+evidence-\d)"', html) == [
        "#turn-4-sentence-0-evidence-1",
        "#turn-4-sentence-1-evidence-2",
    ]


def test_an_abstention_shows_its_reason_and_the_nearest_briefs() -> None:
    nearest = (BriefRef("a", "Putin in Beijing", "2024-05-16"), BriefRef("b", "Talks", None))
    text = Page(answer_html(answered(reason="Nothing about a cup.", nearest=nearest), number=0)).text
    assert "Nothing about a cup.Nearest briefsPutin in Beijing 2024-05-16Talks undated" in text


def test_notes_and_a_changed_question_are_shown() -> None:
    noted = answer("Who?", (quoted(EVIDENCE, 1, AGREED),), EVIDENCE, notes=("1 undated brief was left out",))
    html = answer_html(turn(Rewritten("Who agreed in Beijing?"), Answered(noted), question="Who?"), number=0)
    assert "Understood as: Who agreed in Beijing?" in Page(html).text
    assert "Note: 1 undated brief was left out" in Page(html).text


def test_a_very_long_question_is_cut_and_says_its_length() -> None:
    shown = Page(question_html("x" * 100_000)).text
    assert shown == "x" * 2_000 + " … (100,000 characters)"


def test_hostile_text_is_shown_character_by_character() -> None:
    evidence = (
        passage(HOSTILE, brief_id="a", title=HOSTILE, heading=HOSTILE, source=HOSTILE, region=HOSTILE, date=HOSTILE),
    )
    noted = answer(HOSTILE, (quoted(evidence, 1, HOSTILE),), evidence, notes=(HOSTILE,))
    refused = answer(HOSTILE, (), evidence, reason=HOSTILE, nearest=(BriefRef("a", HOSTILE, HOSTILE),))
    turns = [turn(Rewritten(HOSTILE), Answered(a), question="?") for a in (noted, refused)]
    turns.append(Turn(HOSTILE, failure=HOSTILE))
    for html in [question_html(HOSTILE), *(answer_html(t, number=0) for t in turns), *map(evidence_html, turns[:2])]:
        page = Page(html)
        assert HOSTILE in page.text
        assert not {"img", "script", "iframe", "h1"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
        assert all(value and value.startswith("#turn-") for name, value in page.attributes if name == "href")


def test_a_message_is_one_line_without_markdown() -> None:
    for html in (question_html(HOSTILE), answer_html(Turn("?", failure=HOSTILE), number=0)):
        assert html.startswith("<div")
        assert not set("\n$`\\*_[]{}|~") & set(html)


def test_characters_that_cannot_be_sent_are_replaced() -> None:
    assert Page(question_html("a\x00b\ud800c\r\nd")).text == "a\ufffdb\ufffdc\nd"


# What is remembered


def test_an_answer_grows_by_the_sentence() -> None:
    grown = list(converse(FakeAnswers(), "What sectors?"))
    assert [len(t.sentences) for t in grown] == [0, 0, 0, 1, 2, 2]
    assert [len(t.evidence) for t in grown] == [0, 0, 2, 2, 2, 2]
    assert [t.is_over for t in grown] == [False] * 5 + [True]


def test_history_holds_the_answered_turns_as_messages() -> None:
    assistant = FakeAnswers()
    *_, first = converse(assistant, "What sectors?")
    *_, failed = converse(assistant, "", turns=(first,))
    *_, _last = converse(assistant, "When did the talks end?", turns=(first, failed))
    assert [(m.type, m.content) for m in assistant.histories[-1]] == [
        ("human", "What sectors?"),
        ("ai", f"Putin and Xi met in Beijing. [1]\n{AGREED} [1]"),
    ]


def test_history_of_a_refusal_is_its_reason() -> None:
    assert [m.content for m in history([answered(reason="Nothing.", question="Who?")])] == ["Who?", "Nothing."]


@pytest.mark.parametrize("error", [UsageError("the question is empty"), IndexLocked("process 12 is writing; wait")])
def test_what_geobrief_raises_is_shown_as_it_is(error: Exception) -> None:
    *_, last = converse(Scripted(error=error), "Who?")
    assert last.failure == str(error)


def test_a_bug_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        *_, last = converse(Scripted(Rewritten("Who?"), error=ValueError("secret detail")), "Who?")
    assert last.failure == WENT_WRONG
    assert "secret detail" in caplog.text
    assert "Traceback" in caplog.text


def test_a_failure_withdraws_the_sentences_already_said() -> None:
    said = Said(quoted(EVIDENCE, 1, AGREED))
    *_, last = converse(Scripted(Retrieved(EVIDENCE), said, error=UsageError("gone")), "Who?")
    assert (last.sentences, last.failure) == ((), "gone")


def test_a_stream_without_an_answer_is_a_failure() -> None:
    *_, last = converse(Scripted(Rewritten("Who?")), "Who?")
    assert last.failure == WENT_WRONG


# What is served


def test_importing_the_package_does_not_import_gradio() -> None:
    program = "import sys, rag.ui; sys.exit(any(m in sys.modules for m in ('gradio', 'torch', 'langchain_core')))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_busy_port_is_named_with_the_remedy() -> None:
    with listening_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=rf"port {port} .* in use .* PORT={port + 1} make run, or --port {port + 1}"
        ):
            require_free_port("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 7860), ("no such host", 7860), ("127.0.0.1", 99_999)])
def test_an_impossible_address_is_named(host: str, port: int) -> None:
    with pytest.raises(UsageError, match=f"{host}|{port}"):
        require_free_port(host, port)


def test_a_free_port_stays_free_after_the_check() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)
