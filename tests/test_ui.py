"""The chat without a browser: what is rendered, what is remembered, what is served."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from rag.answer import Answered, BriefRef, Citation, Event, Retrieved, Rewritten, Said, Sentence
from rag.errors import IndexLocked, UsageError
from rag.types import Scope
from rag.ui.chat.asking import Asked, Desk, answering, instead_of
from rag.ui.chat.conversation import WENT_WRONG, Turn, converse, history
from rag.ui.chat.evidence import evidence_html
from rag.ui.chat.facts import facts_of, warnings_of
from rag.ui.chat.follow_ups import follow_ups
from rag.ui.chat.links import Link, link_of
from rag.ui.chat.reader_view import brief_html, places
from rag.ui.chat.render import answer_html, question_html
from rag.ui.chat.scope_bar import chips_html, names, scope_of, without
from rag.ui.escape import escaped, is_web_address
from rag.ui.library import WholeBrief
from rag.ui.port import listening_socket, require_free_port
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

    def stream(
        self, question: str, *, history: Sequence[BaseMessage] = (), scope: Scope = Scope(), dates: bool = True
    ) -> Iterator[Event]:
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("up \u200f60-40\u200f percent", "up \ufffd60-40\ufffd percent"),
        ("\u061c5\u200e \u2028\x85", "\ufffd5\ufffd \ufffd\ufffd"),
        ("\u05e2\u05d3 60\u200f%", "\u05e2\u05d3 60\u200f%"),
        ("\u0639\u200c\u0627", "\u0639\u200c\u0627"),
    ],
)
def test_marks_that_turn_the_direction_are_shown_but_in_scripts_that_need_them(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_each_sentence_ends_with_a_chip_that_tells_its_source_and_opens_it() -> None:
    html = answer_html(answered(quoted(EVIDENCE, 1, AGREED), quoted(EVIDENCE, 2, "No text was published.")), number=4)
    text = Page(html).text
    about = "Putin in Beijing · 2024-05-16 · Example Wire"
    assert f"{AGREED} [1]: {about}{about} “{AGREED}”" in text
    assert "[2]: Talks on the harbour · undatedTalks on the harbour · undated “No text was published.”" in text
    assert re.findall(r'href="(#[^"]+citation-\d)"', html) == [
        "#turn-4-sentence-0-citation-0",
        "#turn-4-sentence-1-citation-0",
    ]


def test_an_abstention_shows_its_reason_and_the_nearest_briefs() -> None:
    nearest = (BriefRef("a", "Putin in Beijing", "2024-05-16"), BriefRef("b", "Talks", None))
    text = Page(answer_html(answered(reason="Nothing about a cup.", nearest=nearest), number=0)).text
    assert "Nothing about a cup.Nearest briefsPutin in Beijing 2024-05-16Talks undated" in text


def test_support_dates_and_origins_are_told_at_a_glance() -> None:
    one = answer("?", (quoted(EVIDENCE, 1, AGREED),), EVIDENCE)
    both = answer("?", (quoted(EVIDENCE, 1, AGREED), quoted(EVIDENCE, 2, "No text was published.")), EVIDENCE)
    assert facts_of(one) == ["1 sentence, verbatim", "2024-05-16"]
    assert facts_of(both) == ["2 sentences, verbatim", "2024-05-16", "2 briefs, 1 source"]
    assert facts_of(answer("?", (), EVIDENCE)) == []


def test_thin_old_and_conflicting_evidence_is_warned_of() -> None:
    said = (quoted(EVIDENCE, 1, AGREED),)
    assert warnings_of(answer("?", said, EVIDENCE, answerable=0.9), "2024-06-01") == []
    assert warnings_of(answer("?", said, EVIDENCE, answerable=0.6), None) == [
        "Thin evidence: one sentence, which answers with a probability of 0.60."
    ]
    assert warnings_of(answer("?", said, EVIDENCE), "2026-06-01") == [
        "Old evidence: the newest brief cited is of 2024-05-16; there are briefs up to 2026-06-01."
    ]
    differ = answer("?", said, EVIDENCE, notes=("They differ.", "One was left out."), conflicts=("They differ.",))
    html = answer_html(turn(Answered(differ)), number=0)
    assert re.findall(r'class="gb-(warning|note)">(?:<b>)?Note:(?:</b>)? ([^<]+)', html) == [
        ("warning", "They differ."),
        ("note", "One was left out."),
    ]


def test_what_may_be_asked_next_is_named_in_the_evidence_and_not_in_the_question() -> None:
    text = "On Monday the talks of Vladimir Putin with Xi Jinping ended in Harbin. They spoke of Gazprom."
    evidence = (passage(text, brief_id="a", title="A"), passage("He met Xi Jinping again.", brief_id="b", title="B"))
    asked = answer("Where did Vladimir Putin talk?", (quoted(evidence, 1, text),), evidence)
    assert follow_ups(asked) == (
        "What do the briefs say about Xi Jinping?",
        "What do the briefs say about Gazprom?",
        "Summarise this brief",
    )
    assert follow_ups(answer("Who?", (), evidence, reason="Nothing.")) == ()


# A brief to be read


def brief(text: str, **known: Any) -> WholeBrief:
    return WholeBrief("beijing", "Putin in Beijing", "2024-05-16", None, None, text, known.pop("sha", ""), **known)


def test_the_whole_brief_is_shown_with_exactly_the_cited_characters_marked() -> None:
    before = "x" * 100
    one = answered(quoted(EVIDENCE, 1, "Putin and Xi met"), quoted(EVIDENCE, 1, AGREED))
    chosen = places(one)[1]
    html = brief_html(brief(before + BEIJING + " The end."), one, number=3, chosen=chosen)
    assert marks(html) == ["Putin and Xi met", AGREED]
    assert re.findall(r'<mark class="is-chosen"[^>]*>(.*?)</mark>', html) == [AGREED]
    assert before + BEIJING + " The end." in Page(html).text
    assert "Citation 2 of 2" in Page(html).text
    assert "page 3" in Page(html).text
    assert 'href="#turn-3-sentence-0-citation-0">Previous' in html
    assert ">Next</a>" not in html


def test_pages_of_a_brief_are_numbered_where_they_start() -> None:
    html = brief_html(brief("First.Second.", page_starts=(0, 6)), answered(), number=0)
    assert Page(html).text.endswith("Page 1First.Page 2Second.")


def test_of_a_very_long_brief_the_part_around_the_citation_is_shown() -> None:
    long = "a" * 300_000 + "Needle." + "b" * 300_000
    cited = passage(long, brief_id="beijing", title="Long")
    one = turn(Answered(answer("?", (quoted((cited,), 1, "Needle."),), (cited,))))
    html = brief_html(brief(long), one, number=0, chosen=places(one)[0])
    assert marks(html) == ["Needle."]
    assert "of 600,007 are shown" in html
    assert len(html) < 210_000


def test_hostile_briefs_stay_text() -> None:
    text = f"{HOSTILE}<mark>not cited</mark>"
    evil = WholeBrief("beijing", HOSTILE, HOSTILE, HOSTILE, "javascript:alert(1)", text, "", remark=HOSTILE)
    cited = passage(text, brief_id="beijing", title=HOSTILE)
    one = turn(Answered(answer("?", (quoted((cited,), 1, HOSTILE),), (cited,))))
    page = Page(brief_html(evil, one, number=0, chosen=places(one)[0]))
    assert text in page.text
    assert not {"img", "script", "iframe", "h1"} & set(page.tags)
    assert page.tags.count("mark") == 1
    assert all(value and value.startswith("#turn-") for name, value in page.attributes if name == "href")


@pytest.mark.parametrize(
    ("data", "link"),
    [
        ({"turn": 0, "what": "evidence"}, Link(0, "evidence")),
        ({"turn": 1, "what": "sentence-2-citation-3"}, Link(1, "citation", 2, 3)),
        ({"turn": 1, "what": "nearest-4"}, Link(1, "nearest", 4)),
        ({"turn": 2, "what": "evidence"}, None),
        ({"turn": -1, "what": "evidence"}, None),
        ({"turn": "0", "what": "evidence"}, None),
        ({"turn": 0, "what": "delete"}, None),
        ({"turn": 0, "what": "brief-99999"}, None),
        ({"turn": 0}, None),
        ("evidence", None),
        (None, None),
    ],
)
def test_what_a_page_sends_is_read_strictly(data: object, link: Link | None) -> None:
    assert link_of(data, 2) == link


# Which briefs are asked


def test_the_scope_bar_reads_days_months_and_years() -> None:
    scope = scope_of(("2024", "2024-06", "2025-01-31", ["China"], [], None))
    assert scope == Scope(date(2024, 1, 1), date(2024, 6, 30), date(2025, 1, 31), regions=("China",))
    with pytest.raises(UsageError, match="From"):
        scope_of(("yesterday", "", "", [], [], []))


def test_each_limit_is_a_chip_that_can_be_removed() -> None:
    given: tuple[Any, ...] = ("2024", "", "", ["China", HOSTILE], [], [])
    page = Page(chips_html(dict(zip(names(), given, strict=True))))
    assert page.tags.count("button") == 3
    assert HOSTILE in page.text
    assert not {"img", "script", "a"} & set(page.tags)
    assert without(given, {"name": "regions", "value": HOSTILE}) == ("2024", "", "", ["China"], [], [])
    assert without(given, {"name": "date_from", "value": "2024"}) == ("", "", "", ["China", HOSTILE], [], [])
    assert without(given, {"name": "nothing"}) == given
    assert "All briefs" in Page(chips_html({})).text


def test_a_limit_that_is_no_date_is_told_in_the_chat() -> None:
    asked = Asked("Who?", fields=("soon", "", "", [], [], []))
    (only,) = answering(Desk(FakeAnswers()), asked)
    assert only.failure is not None
    assert "From" in only.failure


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


def test_a_question_asked_again_replaces_what_was_kept_after_it() -> None:
    turns = (Turn("one", saved_as="a"), Turn("two", failure="It failed."), Turn("three", saved_as="c"))
    assert instead_of(1, "two", turns, ()) == Asked("two", turns[:1], "c")
    assert instead_of(0, "one", turns, ()) == Asked("one", (), "a")
    assert instead_of(1, "two", turns[:2], ()) == Asked("two", turns[:1], None)


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
