"""What the Evaluate tab shows of a report: its failures, tables and charts, and that no text of it acts."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rag.evaluation import records
from rag.evaluation.records import AnswerSentence, Bin, Curve, QuestionRecord, Report, Said
from rag.ui.evaluate.charts import charts_html
from rag.ui.evaluate.failures import PAGE_SIZE, Failure, Filters, chosen, failures_html, failures_of, kind_of, n_pages
from rag.ui.evaluate.reports import OpenReport, nothing_html
from tests.fakes_ui import HOSTILE
from tests.test_evaluation_report import make_report

CLOSED_WORDS = {"answers", "ranks", "first passage", "gold", "corpus"}
NUMBERS = "<gradio-app>\u202e@children</gradio-app>"


class Structure(HTMLParser):
    """The elements and attributes of HTML, its text apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [value or "" for name, value in attrs if name not in ("title", "aria-label")]

    def handle_data(self, data: str) -> None:
        self.text += data


def spoken(report: Report, words: str) -> Report:
    """The report with words put after every text that a dataset, a system or a model can choose."""

    def put(value: Any) -> Any:
        if isinstance(value, str):
            return value if value in CLOSED_WORDS else f"{value}{words}"
        if isinstance(value, list):
            return [put(one) for one in value]
        if isinstance(value, dict):
            return {key if key in KEPT_KEYS else f"{key}{words}": put(one) for key, one in value.items()}
        return value

    data = json.loads(report.model_dump_json())
    spoken_data = {key: value if key in ("version", "made_at") else put(value) for key, value in data.items()}
    return Report.model_validate(spoken_data)


KEPT_KEYS = {
    field
    for model in vars(records).values()
    if isinstance(model, type) and issubclass(model, records.Record)
    for field in model.model_fields
}


def record(**fields: Any) -> QuestionRecord:
    given = {"id": "q1", "system": "full", "question": "Who?", "types": ("who",), "group": "g", "answerable": True}
    return QuestionRecord(**{**given, **fields})


REFUSED = Said(sentences=(), reason="nothing")
ANSWERED = Said(sentences=(AnswerSentence(text="He did.", citations=()),))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"said": ANSWERED, "correct": True}, None),
        ({"said": ANSWERED, "correct": False}, "wrong"),
        ({"said": ANSWERED, "correct": None}, None),
        ({"said": REFUSED, "correct": False}, "refused"),
        ({"said": REFUSED, "correct": None}, "refused"),
        ({"said": REFUSED, "correct": True, "answerable": False}, None),
        ({"said": ANSWERED, "correct": False, "answerable": False}, "answered"),
        ({"said": None}, None),
        ({"said": None, "error": "broken"}, "error"),
    ],
)
def test_a_failure_is_of_one_kind(fields: dict[str, Any], kind: str | None) -> None:
    assert kind_of(record(**fields)) == kind


def test_filters_narrow_the_failures_together() -> None:
    report = make_report(1).model_copy(
        update={
            "records": (
                record(id="a", said=ANSWERED, correct=False, types=("who", "fact"), answers=("the Straße",)),
                record(id="b", said=REFUSED, types=("when",), question="When did it\n  end?"),
                record(id="c", said=ANSWERED, answerable=False, system="bm25"),
                record(id="d", said=ANSWERED, correct=True),
            )
        }
    )
    failures = failures_of(report)

    def ids(**given: str) -> str:
        return "".join(failure.record.id for failure in chosen(failures, Filters(**given)))

    assert ids() == "abc"
    assert ids(system="full") == "ab"
    assert ids(type="fact") == "a"
    assert ids(kind="refused") == "b"
    assert ids(kind="answered") == "c"
    assert ids(text="STRASSE") == ids(text="straße") == "a"
    assert ids(text=" when  did ") == "b"
    assert ids(text="did it end") == "b"
    assert ids(system="bm25", type="when") == ""
    assert ids(text="<b>") == ""


def test_failures_are_shown_twenty_to_a_page_and_each_once() -> None:
    failures = [Failure(record(id=f"id-{n:03}", said=REFUSED), "refused") for n in range(45)]
    pages = [failures_html(failures, page, of=45) for page in (1, 2, 3)]
    assert n_pages(failures) == 3
    assert [len(re.findall(r"<article", page)) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 5]
    shown = re.findall(r"id-\d{3}", "".join(pages))
    assert shown == [f"id-{n:03}" for n in range(45)]
    assert "Failures 41 to 45 of 45" in pages[2]


def test_a_failure_shows_answers_citations_and_folded_passages_with_the_gold_marked() -> None:
    report = make_report(60)
    failure = next(f for f in failures_of(report) if f.kind == "wrong" and f.record.said and f.record.gold)
    html = failures_html([failure], 1, of=1)
    text = Structure(html).text
    assert "4 April 2023" in text
    assert "[1]" in text
    assert "the quote does not stand there" in text
    folded = html[html.index("<details>") :]
    assert "Retrieved: 10 passages" in folded
    (gold,) = failure.record.gold
    marked = re.findall(r"<mark>(.*?)</mark>", folded)
    assert [Structure(one).text for one in marked] == [gold.text]


def test_no_text_of_a_report_becomes_markup() -> None:
    plain = OpenReport(spoken(make_report(12), " and more"))
    hostile = OpenReport(spoken(make_report(12), HOSTILE + NUMBERS))
    pairs = [
        (plain.overview, hostile.overview),
        (failures_html(plain.failures, 1, of=99), failures_html(hostile.failures, 1, of=99)),
    ]
    for expected, html in pairs:
        found = Structure(html)
        assert found.tags == Structure(expected).tags
        assert not re.search("hacked|javascript:|onerror|invalid", " ".join(found.values))
        assert "onerror=window.hacked" in found.text
        # What gradio's templates and Markdown would act on.
        assert not re.search(r"\$\{|\{\{|\$\$|`|\*\*", html)
        assert not any(
            name.startswith("on") or name in ("href", "src", "style") for _, names in found.tags for name in names
        )


def test_a_passage_with_marked_gold_is_shown_character_by_character() -> None:
    text = f"{HOSTILE} gold {HOSTILE}"
    start = 100 + len(HOSTILE) - 5
    gold = records.Gold(doc_id="d", start=start, end=start + 15, text=text[start - 100 : start - 85])
    hit = records.Hit(rank=1, doc_id="d", start=100, end=100 + len(text), text=text)
    failure = Failure(record(said=REFUSED, gold=(gold, gold), hits=(hit,)), "refused")
    found = Structure(failures_html([failure], 1, of=1))
    assert text in found.text
    assert [tag for tag, _ in found.tags].count("mark") == 1
    assert not {"img", "script", "iframe", "a"} & {tag for tag, _ in found.tags}


def test_every_table_has_heads_with_a_scope() -> None:
    tags = Structure(OpenReport(make_report(12)).overview).tags
    heads = [names for tag, names in tags if tag == "th"]
    assert len(heads) > 20
    assert all("scope" in names for names in heads)


def test_charts_stay_within_their_frame_whatever_the_values() -> None:
    report = make_report(6)
    wild = (float("nan"), float("inf"), -5.0, 1e300)
    system = report.systems[0].model_copy(
        update={
            "risk_coverage": Curve(x=wild, y=wild),
            "reliability": tuple(Bin(confidence=v, accuracy=v, n=-3) for v in wild),
        }
    )
    html = charts_html(report.model_copy(update={"systems": (system,)}))
    assert html.count("<svg") == 2
    drawn = " ".join(re.findall(r'(?:points|d|cx|cy|r)="([^"]*)"', html))
    assert max(float(n) for n in re.findall(r"\d+(?:\.\d+)?", drawn)) <= 360
    assert not re.search("nan|inf|e\\+", drawn)


def test_the_text_for_an_empty_folder_names_the_command_with_its_index(tmp_path: Path) -> None:
    text = Structure(nothing_html(tmp_path / "my index" / "reports")).text
    expected = (
        f"geobrief eval --dataset briefs --split dev --systems bm25,dense,hybrid,full --index '{tmp_path}/my index'"
    )
    assert expected in text
