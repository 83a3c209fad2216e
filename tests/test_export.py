from __future__ import annotations

import html
import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import docx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pypdf import PdfReader

from rag.cli.main import run
from rag.errors import UsageError
from rag.export import KINDS, MEDIA_TYPES, ConversationRecord, ExportedTurn, Kind, export, file_name
from rag.record import (
    AnswerRecord,
    CitationRecord,
    IdentitiesRecord,
    NearestRecord,
    ScopeRecord,
    SentenceRecord,
    TimingsRecord,
)
from tests.conftest import Desk

QUOTE = "The talks are held in Oslo."
ASKED = "2024-05-16T10:00:00+00:00"
HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![x](http://evil.example/a.png) [x](javascript:alert(1)) <http://evil.example>",
    "see https://evil.example/a?b=c or www.evil.example or me@evil.example or //evil.example",
    "first\n# heading\n\n---\n- item\n1. item\n> quote\n```\n<b>\n```\n| a | b |\n|---|---|\n| ![x](y) | <a href=x> |",
    "[1]: http://evil.example\n\n[1] \\[1\\]\\(x\\) \\",
    "&lt;script&gt; &#60;img src=x&#62;",
    "terminal \x1b[31mred\x1b]0;title\x07 \x9b31m, \x00 NUL, \x85 next, \r return",
    "bidi \u202eevil\u202c \u2066x\u2069 \u200e, separators \u2028 \u2029, not characters \ufffe \uffff",
    "{nb} {{ 1 + 1 }} {% raw %} $x$ ${HOME} %s %(x)s",
]


def cited(start: int = 0, quote: str = QUOTE, **changed: Any) -> CitationRecord:
    fields: dict[str, Any] = {
        "n": 1,
        "brief_id": "talks",
        "chunk_id": "talks@0#0",
        "title": "Talks",
        "date": "2024-01-05",
        "source": "Desk",
        "url": "https://example.org/talks",
        "page": 3,
        "start": start,
        "end": start + len(quote),
        "quote": quote,
        "sha256": "a" * 64,
        "text_sha256": "b" * 64,
    }
    return CitationRecord(**(fields | changed))


def quoted(start: int = 0, quote: str = QUOTE, **changed: Any) -> SentenceRecord:
    return SentenceRecord(text=quote, support=1.0, citations=[cited(start, quote, **changed)])


def answered(*sentences: SentenceRecord, **changed: Any) -> AnswerRecord:
    fields: dict[str, Any] = {
        "question": "Where?",
        "standalone_question": "Where?",
        "scope": ScopeRecord(),
        "abstained": False,
        "reason": None,
        "answerable": 0.9,
        "text": "",
        "sentences": list(sentences),
        "evidence": [],
        "nearest": [],
        "notes": [],
        "identities": IdentitiesRecord(embedding="e", reader="r", dtype="float32", settings_digest="0"),
        "timings_ms": TimingsRecord(rewrite=1, retrieve=1, read=1, answer=1, verify=1, total=5),
    }
    return AnswerRecord(**(fields | changed))


def turn(answer: AnswerRecord | None, question: str = "Where?", **changed: Any) -> ExportedTurn:
    return replace(ExportedTurn(question, ASKED, answer), **changed)


def of_pdf(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def of_docx(data: bytes) -> str:
    document = docx.Document(io.BytesIO(data))
    return "\n".join("".join(t.text or "" for t in p._p.iter() if t.tag.endswith("}t")) for p in document.paragraphs)


def rendered(data: bytes) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(data.decode()))


def of_markdown(data: bytes) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", rendered(data)))


READERS: dict[Kind, Callable[[bytes], str]] = {"md": of_markdown, "docx": of_docx, "pdf": of_pdf}


def flat(text: str) -> str:
    return " ".join(text.split())


def told(kind: Kind, *turns: ExportedTurn, title: str = "Oslo") -> str:
    return flat(READERS[kind](export(title, turns, kind)))


@pytest.mark.parametrize("kind", READERS)
def test_every_kind_tells_what_was_asked_and_answered(kind: Kind) -> None:
    answer = answered(
        quoted(),
        standalone_question="Where are the talks held?",
        scope=ScopeRecord(from_="2024", regions=["europe"]),
        limited_by="since 2024",
        remark="Two briefs are listed.",
        briefs=[NearestRecord(brief_id="other", title="Other talks", date=None)],
        notes=["A note.", "They differ."],
        conflicts=["They differ."],
    )
    text = told(kind, turn(answer, "And where?"))
    for expected in [
        "Oslo",
        "And where?",
        ASKED,
        "Understood as:",
        "Where are the talks held?",
        "of regions europe",
        "from 2024",
        "since 2024",
        "Two briefs are listed.",
        "Other talks · undated · other",
        f"{QUOTE} [1]",
        "A note.",
        "Briefs disagree:",
        "They differ.",
        "References",
        "Talks · 2024-01-05 · Desk · page 3",
        "talks, characters 0-27",
        "a" * 64,
        "b" * 64,
        "https://example.org/talks",
        "geobrief verify FILE.json",
    ]:
        assert expected in text


@pytest.mark.parametrize("kind", READERS)
def test_an_abstention_tells_its_reason_and_the_nearest_briefs_and_a_failure_its_words(kind: Kind) -> None:
    nearest = [NearestRecord(brief_id="near", title="Near by", date="2024")]
    silent = answered(abstained=True, reason="Nothing on Atlantis.", nearest=nearest)
    text = told(kind, turn(silent), turn(None, "Who?", failure="The index is locked."), turn(None, "What?"))
    for expected in ["Nothing on Atlantis.", "Near by · 2024 · near", "The index is locked.", "No answer was given."]:
        assert expected in text
    assert "References" not in text


@pytest.mark.parametrize("kind", READERS)
def test_what_is_understood_as_it_was_asked_is_not_said_again(kind: Kind) -> None:
    assert "Understood" not in told(kind, turn(answered(quoted())))


@pytest.mark.parametrize("kind", READERS)
def test_one_span_has_one_number_over_the_whole_conversation(kind: Kind) -> None:
    changed = quoted(0, text_sha256="c" * 64)
    text = told(kind, turn(answered(quoted(0), quoted(40))), turn(answered(quoted(40), changed)))
    body, references = text.split("References")
    assert [body.count(f"{QUOTE} [{n}]") for n in (1, 2, 3, 4)] == [1, 2, 1, 0]
    assert [references.count(f"[{n}]") for n in (1, 2, 3, 4)] == [1, 1, 1, 0]


@pytest.mark.parametrize("kind", READERS)
def test_only_written_sentences_say_that_they_are_written(kind: Kind) -> None:
    written = SentenceRecord(text="Oslo hosts.", support=0.934, citations=[cited(), cited(40)])
    unchecked = SentenceRecord(text="So it is.", support=None, citations=[cited()])
    text = told(kind, turn(answered(quoted(), written, unchecked)))
    assert "Oslo hosts. [1][2] (written, checked, support 0.93)" in text
    assert "So it is. [1] (written, not checked)" in text
    assert text.count("written") == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_conversation_gives_the_same_bytes(kind: Kind) -> None:
    turns = [turn(answered(quoted()))]
    first = export("Oslo", turns, kind)
    with patch("time.time", return_value=4e9), patch("time.localtime", return_value=time.gmtime(4e9)):
        assert export("Oslo", turns, kind) == first


def test_documents_are_dated_by_the_last_question_or_not_at_all() -> None:
    dated = [turn(None), turn(None, asked_at="2024-06-01T12:00:00+02:00"), turn(None, asked_at="no moment")]
    undated = [turn(None, asked_at=None)]
    when = PdfReader(io.BytesIO(export("Oslo", dated, "pdf"))).metadata
    assert when is not None
    assert str(when["/CreationDate"]) == "D:20240601100000Z"
    never = PdfReader(io.BytesIO(export("Oslo", undated, "pdf"))).metadata
    assert never is not None
    assert "/CreationDate" not in never
    properties = docx.Document(io.BytesIO(export("Oslo", dated, "docx"))).core_properties
    assert properties.created is not None
    assert properties.created.isoformat()[:16] == "2024-06-01T10:00"
    assert docx.Document(io.BytesIO(export("Oslo", undated, "docx"))).core_properties.created is None


def test_the_pdf_has_title_language_outline_and_page_numbers() -> None:
    turns = [turn(answered(*(quoted(40 * i) for i in range(20))), f"Where is number {n}?") for n in range(3)]
    reader = PdfReader(io.BytesIO(export("Переговоры в Осло", turns, "pdf")))
    assert reader.metadata is not None
    assert reader.metadata.title == "Переговоры в Осло"
    assert str(reader.root_object["/Lang"]) == "en"
    assert len(reader.pages) > 2
    assert [page.extract_text().split()[-1] for page in reader.pages] == [str(n + 1) for n in range(len(reader.pages))]
    outline = json.dumps([str(entry) for entry in _entries(reader.outline)])
    assert "Where is number 2?" in outline
    width, height = (float(side) for side in reader.pages[0].mediabox[2:])
    assert (round(width), round(height)) == (595, 842)


def _entries(outline: Any) -> list[Any]:
    return [x for e in outline for x in (_entries(e) if isinstance(e, list) else [e.title])]


@pytest.mark.parametrize("kind", READERS)
def test_marks_of_templates_are_text(kind: Kind) -> None:
    marks = "{nb} {{ 1 + 1 }} %s ${HOME} **bold** __line__"
    assert f"{marks} [1]" in told(kind, turn(answered(quoted(quote=marks))))


def test_a_long_word_breaks_and_stays_on_the_page() -> None:
    word = "w" * 400
    data = export("Oslo", [turn(answered(quoted(quote=word)))], "pdf")
    ends: list[float] = []

    def visit(text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        if set(text.strip()) == {"w"}:
            ends.append(tm[4] + len(text.strip()) * size * 0.6)

    for page in PdfReader(io.BytesIO(data)).pages:
        page.extract_text(visitor_text=visit)
    assert len(ends) >= 8
    assert word in of_pdf(data).replace("\n", "")


def test_a_quote_keeps_its_indent_on_the_next_page() -> None:
    data = export("Oslo", [turn(answered(quoted(quote="\n".join(["word"] * 120))))], "pdf")
    starts: list[set[float]] = []

    def visit(text: str, cm: Any, tm: Any, font: Any, size: float) -> None:
        if text.strip() == "word" and size == 10:
            starts[-1].add(round(tm[4]))

    for page in PdfReader(io.BytesIO(data)).pages:
        starts.append(set())
        page.extract_text(visitor_text=visit)
    assert [found for found in starts if found] == [{round(28 / 25.4 * 72)}] * 3


def test_a_character_that_no_font_has_is_a_sign_and_the_pdf_says_so() -> None:
    text = told("pdf", turn(answered(quoted(quote="Seal \U00013000 here."))))
    assert "Seal \ufffd here. [1]" in text
    assert "2 characters of this text are in no font" in text  # once in the sentence, once in the quote
    assert "no font" not in told("pdf", turn(answered(quoted())))


def test_without_any_font_a_pdf_is_still_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.export.fonts._files", lambda folder: iter(()))
    text = told("pdf", turn(answered(quoted(quote="Café Ωμέγα مرحبا."))), title="“Осло”")
    assert "Café ????? ?????. [1]" in text
    assert "“????”" in text
    assert "“?” stands for each" in text


@pytest.mark.parametrize("kind", ["pdf", "docx"])
@pytest.mark.parametrize(
    "sentence", ["Переговоры идут в Осло.", "Οι συνομιλίες γίνονται στο Όσλο.", "Đàm phán ở Oslo, Łódź, Kraków."]
)
def test_european_scripts_are_real_text(kind: Kind, sentence: str) -> None:
    assert f"{sentence} [1]" in told(kind, turn(answered(quoted(quote=sentence))), title=sentence)


@pytest.mark.parametrize("kind", KINDS)
def test_text_from_right_to_left_and_ideographs_are_exported(kind: Kind) -> None:
    texts = ["تم توقيع الاتفاق في 2024 مع Kenya، می‌خواهم", "ההסכם נחתם בירושלים", "双方签署联合声明。" * 40, "समझौता"]
    sentences = [quoted(40 * i, text) for i, text in enumerate(texts)]
    assert export(texts[0], [turn(answered(*sentences), texts[1])], kind)


def hostile_turns(text: str) -> list[ExportedTurn]:
    changed: dict[str, Any] = {"title": text, "source": text, "url": text, "brief_id": text, "date": text}
    listed = [NearestRecord(brief_id=text, title=text, date=text)]
    everything = answered(
        quoted(quote=text, **changed),
        SentenceRecord(text=f"Not {text}", support=0.5, citations=[cited()]),
        standalone_question=text,
        parts=[text, text],
        scope=ScopeRecord(from_=text, regions=[text], briefs=[text]),
        limited_by=text,
        remark=text,
        briefs=listed,
        notes=[text],
        conflicts=[f"{text}."],
    )
    silent = answered(abstained=True, reason=text, nearest=listed)
    return [turn(everything, text, asked_at=text), turn(silent, text), turn(None, text, failure=text)]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_makes_an_image_a_link_or_html_out_of_markdown(text: str) -> None:
    data = export(text, hostile_turns(text), "md")
    page = rendered(data).lower()
    for tag in ("<img", "<a", "<script", "<b>", "<table", "<pre", "<hr", "<ol"):
        assert tag not in page
    assert page.count("<h1") == 1
    assert page.count("<h2") == 5  # three questions, the references, how to check


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_acts_stands_raw_in_a_file(text: str) -> None:
    turns = hostile_turns(text)
    acting = [chr(c) for c in (*range(9), 11, 12, *range(14, 32), *range(127, 160), 0x202E, 0x2028, 0x2066)]
    for kind in ("md", "json"):
        written = export(text, turns, kind).decode()
        assert not set(acting) & set(written)
        assert "\r" not in written
    assert not set(acting) & set(of_docx(export(text, turns, "docx")))
    assert not set(acting) & set(of_pdf(export(text, turns, "pdf")))


def test_the_docx_is_well_formed_and_holds_no_fields_no_images_and_nothing_from_outside() -> None:
    with zipfile.ZipFile(io.BytesIO(export(HOSTILE[0], hostile_turns(HOSTILE[1]), "docx"))) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith((".xml", ".rels")):
                ElementTree.fromstring(content)
            assert b"fldChar" not in content
            assert b"fldSimple" not in content
            assert b'TargetMode="External"' not in content
        assert not [name for name in archive.namelist() if "media" in name]


def test_the_docx_has_headings_and_links_from_each_number_to_its_reference() -> None:
    data = export("Oslo", [turn(answered(quoted(0), quoted(40)))], "docx")
    document = docx.Document(io.BytesIO(data))
    assert document.core_properties.title == "Oslo"
    named = [(p.style.name, p.text) for p in document.paragraphs if p.style is not None]
    assert named[0] == ("Title", "Oslo")
    assert [text for style, text in named if style == "Heading 1"] == ["Where?", "References", "How to check"]
    written = document.element.body.xml
    for n in (1, 2):
        assert f'w:anchor="reference_{n}"' in written
        assert f'w:name="reference_{n}"' in written


@given(st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace").decode()), st.text(max_size=40))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_in_any_field_is_exported_beside_plain_sentences(text: str, title: str) -> None:
    turns = [*hostile_turns(text), turn(answered(quoted(5000)))]
    for kind, read in READERS.items():
        assert f"{QUOTE} [" in flat(read(export(title, turns, kind)))
    again = ConversationRecord.model_validate_json(export(title, turns, "json"))
    assert [record.answer for record in again.turns] == [one.answer for one in turns]


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_surrogate_pair_is_exported(kind: Kind) -> None:
    assert export("\ud800 title", [turn(None, "\udfff?", failure="\ud83d", asked_at="\udc00")], kind)


def test_300_turns_of_10_sentences_are_exported_in_seconds() -> None:
    turns = [turn(answered(*(quoted(40 * (10 * n + i)) for i in range(10)))) for n in range(300)]
    for kind in KINDS:
        began = time.process_time()
        data = export("Oslo", turns, kind)
        assert time.process_time() - began < 20  # 5 s for a PDF on two idle cores, under 2 s for the others
        assert data


def test_the_json_holds_answers_references_and_what_came_of_each_question() -> None:
    read = json.loads(export("Oslo", [turn(answered(quoted(40))), turn(None, "Who?", failure="Locked.")], "json"))
    assert (read["schema_version"], read["kind"], read["title"]) == (1, "conversation", "Oslo")
    first, second = read["turns"]
    assert first["answer"]["sentences"][0]["citations"][0]["quote"] == QUOTE
    assert set(first["answer"]["scope"]) >= {"from", "to"}
    assert second == {"question": "Who?", "asked_at": ASKED, "answer": None, "failure": "Locked."}
    assert [(r["n"], r["brief_id"], r["start"]) for r in read["references"]] == [(1, "talks", 40)]


@pytest.mark.parametrize(
    ("title", "kind", "expected"),
    [
        ("Čau: NATO/EU?", "pdf", "cau-nato-eu.pdf"),
        ("../../etc/passwd", "md", "etc-passwd.md"),
        ("C:\\Windows\\a\x00b", "json", "c-windows-a-b.json"),
        ("переговоры", "docx", "conversation.docx"),
        ("", "md", "conversation.md"),
        ("NUL", "md", "conversation-nul.md"),
        ("\ud800", "md", "conversation.md"),
        ("a" * 500, "json", "a" * 75 + ".json"),
    ],
)
def test_a_file_name_is_safe_wherever_it_is_saved(title: str, kind: Kind, expected: str) -> None:
    assert file_name(title, kind) == expected


def test_every_kind_has_a_media_type_and_another_is_refused() -> None:
    assert set(MEDIA_TYPES) == set(KINDS)
    for call in (lambda: export("Oslo", [], "html"), lambda: file_name("Oslo", "html")):  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="'html'; the kinds are md, docx, pdf, json"):
            call()


@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_without_turns_is_exported(kind: Kind) -> None:
    assert export("", [], kind)


@pytest.fixture
def exported(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GEOBRIEF_INDEX", str(desk.settings.index))
    monkeypatch.setenv("GEOBRIEF_EMBEDDING__MODEL", "tests.fakes:HashEmbeddings")
    desk.write("talks.md", "The talks between Kenya and Norway are held in Oslo.", title="Talks", date="2024-01-05")
    desk.write("visit.md", "The visit of Brazil and Chile is made in Quito.", title="Visit", date="2024-02-05")
    desk.ingest()
    asked = ["Where are the talks between Kenya and Norway held?", "Where is the visit of Brazil and Chile made?"]
    turns = [ExportedTurn(question, ASKED, AnswerRecord.of(desk.ask(question))) for question in asked]
    path = tmp_path / "conversation.json"
    path.write_bytes(export("Oslo \u202e", [*turns, ExportedTurn("Who?", None, None, "Locked.")], "json"))
    return path


def test_verify_checks_all_citations_of_all_answers(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(exported)]) == 0
    out = capsys.readouterr().out
    assert [row.split()[2] for row in out.splitlines()] == ["talks", "visit"]


def test_verify_finds_what_was_changed_in_the_last_answer(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported.write_text(exported.read_text().replace("Quito", "Lima"))
    assert run(["verify", str(exported)]) == 1
    verdicts = [row.split(":")[0] for row in capsys.readouterr().out.splitlines()]
    assert verdicts == ["holds", "changed"]


def test_verify_refuses_references_that_are_not_what_is_cited(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(exported.read_text())
    data["references"][1]["quote"] = "The visit was called off."
    exported.write_text(json.dumps(data))
    assert run(["verify", str(exported)]) == 2
    assert "its references are not what its answers cite" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"kind": "conversation"}', '{"kind": ["x"]}', "[" * 100_000, "\ud800 no UTF-8"]
)
def test_verify_of_neither_an_answer_nor_a_conversation_is_one_line(
    exported: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    exported.write_bytes(content.encode("utf-8", "surrogatepass"))
    assert run(["verify", str(exported)]) == 2
    err = capsys.readouterr().err.strip()
    assert "is no exported answer" in err
    assert "\n" not in err
