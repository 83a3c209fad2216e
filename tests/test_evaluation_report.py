"""What a report looks like in a terminal, in Markdown and as a page, checked in a real browser too."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from rag.evaluation import tables
from rag.evaluation.charts import figures_of
from rag.evaluation.markdown import markdown_tables
from rag.evaluation.page import browsable, render_page
from rag.evaluation.records import (
    AnswerSentence,
    Bin,
    Cited,
    Curve,
    DatasetInfo,
    Difference,
    Environment,
    Gold,
    Hit,
    Measured,
    Percentiles,
    QuestionRecord,
    Report,
    Said,
    SystemSummary,
)
from rag.evaluation.terminal import print_report

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SYSTEMS = {"geobrief": 0.78, "geobrief, no reranking": 0.74, "bm25": 0.0, "bm25, first passage": 0.41}
TYPES = ("who", "when", "how many", "comparison of two briefs", "false premise", "follow-up")
SENTENCES = (
    "Finland deposited its instrument of accession with the United States on 4 April 2023.",
    "The membership talks lasted less than a year, the shortest in the recent history of the Alliance.",
    "Its border with Russia is 1,340 kilometres long, which more than doubled the land frontier of NATO with it.",
    "Türkiye was the last ally to ratify, on 30 March 2023, after months of talks on terrorism 🕊 and arms exports.",
    "The President said that membership “is not targeted against anyone” and would not change relations in the north.",
    "Exports through the strait fell by 14 percent in the quarter, according to the customs authority.",
)


def make_report(n: int = 60, seed: int = 0) -> Report:
    """Build a run of four systems over `n` questions with believable figures."""
    chance = random.Random(seed)
    passages = [make_passage(chance, k) for k in range(max(40, n * 2))]
    records = [make_record(chance, k, system, passages) for system in SYSTEMS for k in range(n)]
    return Report(
        made_at="2026-02-03T10:11:12Z",
        command="geobrief evaluate squad2 --split dev",
        dataset=DatasetInfo(
            name="SQuAD 2.0 dev", form="squad", digest="a" * 64, corpus_digest="b" * 64, n_documents=1204, split="dev",
            limit=n, n_questions=n, n_answered_of=n, n_total=11873, n_unanswerable=n // 6, evidence="gold",
            notes=("14 answers stand in no gold document",),
        ),
        environment=Environment(
            geobrief="0.1.0", code_digest="c" * 64, settings_digest="d" * 64, settings={"retrieve": {"top_k": 5}},
            python="3.11.2", platform="Linux-6.1-x86_64", cpus=8, packages={"torch": "2.13.0"},
        ),
        systems=tuple(make_summary(chance, name, level, n) for name, level in SYSTEMS.items()),
        differences=tuple(
            Difference(measure=measure, system=name, baseline="bm25", value=v, low=v - 0.03, high=v + 0.03, p=p, n=n)
            for name in list(SYSTEMS)[:2]
            for measure, v, p in (("passage_recall@5", 0.081, 0.0004), ("doc_recall@5", 0.012, 0.31),
                                  ("stale", -0.041, 0.012))
        ),
        notes=("the baseline was asked without history",),
        records=tuple(records),
    )  # fmt: skip


def make_passage(chance: random.Random, k: int) -> Hit:
    text = " ".join(chance.choices(SENTENCES, k=6))
    start = chance.randrange(0, 9000)
    return Hit(rank=1, doc_id=f"brief-{k % 37:03}-accession-and-trade", start=start, end=start + len(text), text=text)


def make_record(chance: random.Random, k: int, system: str, passages: list[Hit]) -> QuestionRecord:
    answerable = k % 6 != 5
    found = [
        hit.model_copy(update={"rank": rank}) for rank, hit in enumerate(passages[k : k + 9], 1)
    ] + [Hit(rank=10, doc_id="brief-without-spans", start=None, end=None, text=SENTENCES[0])]  # fmt: skip
    target = found[k % 4]
    assert target.start is not None
    at = target.text.index(".") + 1
    gold = Gold(doc_id=target.doc_id, start=target.start, end=target.start + at, text=target.text[:at])
    right = chance.random() < 0.7
    sentence = AnswerSentence(text=gold.text, citations=(
        Cited(doc_id=gold.doc_id, start=gold.start, end=gold.end, quote=gold.text, valid=right),
    ))  # fmt: skip
    refused = chance.random() < (0.1 if answerable else 0.7)
    said = Said(sentences=() if refused else (sentence,), reason="nothing supports an answer" if refused else None)
    failed, ranks = k % 29 == 28, system == "bm25"
    return QuestionRecord(
        id=f"q{k:05}",
        system=system,
        question=f"When did Finland deposit its instrument of accession, and with whom ({k})?",
        types=(TYPES[k % len(TYPES)],),
        group=f"q{k:05}",
        answerable=answerable,
        n_history=k % 3,
        answers=("4 April 2023", "April 4, 2023") if answerable else (),
        gold=(gold,) if answerable else (),
        gold_docs=(gold.doc_id,) if answerable else (),
        hits=() if failed else tuple(found),
        said=None if failed or ranks else said,
        standalone_question="When did Finland accede to NATO?" if k % 3 else None,
        confidence=None if failed else chance.random(),
        correct=None if failed or ranks else (refused != answerable and (refused or right)),
        scores={} if failed else {"passage_recall@5": float(right), "f1": chance.random()},
        timings_ms={} if failed else {stage: chance.lognormvariate(mean, 0.4) for stage, mean in STAGES.items()},
        error="IndexLocked: another process is writing" if failed else None,
    )


STAGES = {"search": 2.5, "rerank": 4.2, "read": 3.4, "total": 5.0}


def measured(value: float, n: int, n_total: int, half: float = 0.022) -> Measured:
    return Measured(value=value, low=max(0, value - half), high=min(1, value + half), n=n, n_total=n_total)


def make_summary(chance: random.Random, name: str, level: float, n: int) -> SystemSummary:
    at_ranks = ("hit@1", "recall@5", "recall@10", "mrr@10", "ndcg@10")
    ranked = [f"{over}_{measure}" for over in ("doc", "passage") for measure in at_ranks]
    answered = ("contains", "exact_match", "f1", "gold_cited", "correct", "stale", "refusal_precision",
                "refusal_recall", "refusal_f1", "refusal_auroc", "aurc", "span_valid", "citation_recall")  # fmt: skip
    answers = name != "bm25"
    scored = n * 5 // 6
    measures = {m: measured(0.62 + chance.random() * 0.3, scored, n) for m in ranked if "first" not in name}
    measures |= {m: measured(level * (0.8 + chance.random() * 0.2), n - k % 3, n) for k, m in enumerate(answered)
                 if answers}  # fmt: skip
    by_type = {
        kind: {
            "correct": measured(min(1, level * (0.7 + chance.random() * 0.5)), n // 6, n // 6, 0.08),
            "passage_recall@5": measured(0.5 + chance.random() * 0.4, n // 6, n // 6, 0.08),
        }
        for kind in TYPES
    }
    xs = tuple(k / 200 for k in range(1, 201))
    return SystemSummary(
        name=name,
        kind="ranks" if not answers else "first passage" if "first" in name else "answers",
        identity={"embedding": "all-MiniLM-L6-v2", "reader": "deberta-v3"},
        measures=measures,
        by_type=by_type,
        latency_ms={
            stage: Percentiles(p50=2.718**m, p95=2.718**m * 1.9, p99=2.718**m * 2.6, n=n)
            for stage, m in STAGES.items()
        },
        risk_coverage=Curve(x=xs, y=tuple((1 - level) * x**1.5 for x in xs)) if answers else None,
        reliability=tuple(
            Bin(confidence=k / 10 + 0.05, accuracy=min(1, (k / 10 + 0.05) * 0.8 + 0.1), n=4 + k * k) for k in range(10)
        )
        if name.startswith("geobrief")
        else (),
        calibrated=name == "geobrief",
        ece=0.043 if name.startswith("geobrief") else None,
        n_errors=2 if name == "bm25" else 0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report() -> Report:
    return make_report()


@pytest.fixture(scope="module")
def hostile() -> Report:
    """A run whose every text from a dataset tries to become markup or to act on a terminal."""
    report = make_report(6)
    text = f"{HOSTILE} [bold]x[/bold] \x1b[31m | `code` \u202e\u2028 %{{x}} <b>y</b>"
    span = Gold(doc_id=text, start=0, end=len(text), text=text)
    sentence = AnswerSentence(text=text, citations=(Cited(doc_id=text, start=0, end=5, quote=text, valid=False),))
    record = report.records[0].model_copy(
        update={
            "id": text, "question": text, "standalone_question": text, "answers": (text,), "types": (text,),
            "gold": (span,), "gold_docs": (text,), "said": Said(sentences=(sentence,)), "correct": False,
            "hits": (Hit(rank=1, doc_id=text, start=0, end=len(text), text=text),), "system": text, "error": text,
        }
    )  # fmt: skip
    system = report.systems[0].model_copy(
        update={"name": text, "by_type": {text: {"correct": measured(0.5, 6, 6)}}, "identity": {text: text}}
    )
    info = report.dataset.model_copy(update={"name": text, "notes": (text,)})
    return report.model_copy(
        update={"records": (record,), "systems": (system,), "dataset": info, "notes": (text,), "command": text}
    )


def printed(report: Report, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    print_report(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def one_system(**measures: Measured) -> Report:
    report = make_report(6)
    system = SystemSummary(name="s", kind="answers", measures=measures)
    return report.model_copy(update={"systems": (system,), "differences": ()})


def test_a_figure_stands_beside_its_interval() -> None:
    measure = Measured(value=0.862, low=0.839, high=0.884, n=1000, n_total=1000)
    assert "0.862 [.839, .884]" in printed(one_system(f1=measure), 80)


def test_the_number_scored_is_shown_only_where_not_all_were() -> None:
    some = Measured(value=0.5, low=0.4, high=1, n=853, n_total=1000)
    text = printed(one_system(f1=some, contains=some.model_copy(update={"n": 1000})), 80)
    assert text.count("n 853/1000") == 1
    assert "n 1000/1000" not in text


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_console_and_no_figure_is_cut(report: Report, width: int) -> None:
    text = printed(report, width)
    assert max(map(cell_len, text.splitlines())) <= width
    for system in report.systems:
        for m in system.measures.values():
            assert f"{m.value:.3f} [" in text
    assert "…" not in text


def test_the_best_of_a_column_is_bold_and_lower_is_better_where_marked() -> None:
    report = make_report(6)
    low, high = measured(0.1, 6, 6), measured(0.3, 6, 6)
    first = SystemSummary(name="a", kind="answers", measures={"f1": high, "stale": low})
    second = SystemSummary(name="b", kind="answers", measures={"f1": low, "stale": high})
    report = report.model_copy(update={"systems": (first, second), "differences": ()})
    (grid,) = tables.grids_of(report)
    assert [column.label for column in grid.columns] == ["F1", "stale ↓"]
    assert [[cell.best for cell in row.cells] for row in grid.rows] == [[True, True], [False, False]]


def test_nothing_is_best_where_not_all_were_asked_the_same() -> None:
    report = make_report(6)
    few, many = measured(0.9, 3, 6), measured(0.5, 6, 6)
    systems = tuple(SystemSummary(name=n, kind="ranks", measures={"f1": m}) for n, m in (("a", few), ("b", many)))
    (grid,) = tables.grids_of(report.model_copy(update={"systems": systems, "differences": ()}))
    assert not any(cell.best for row in grid.rows for cell in row.cells)


def test_nothing_is_best_where_all_are_the_same() -> None:
    report = make_report(6)
    systems = tuple(SystemSummary(name=n, kind="answers", measures={"f1": measured(0.5, 6, 6)}) for n in "ab")
    (grid,) = tables.grids_of(report.model_copy(update={"systems": systems, "differences": ()}))
    assert not any(cell.best for row in grid.rows for cell in row.cells)


def test_what_is_not_scored_is_a_dash(report: Report) -> None:
    (grid,) = [g for g in tables.grids_of(report) if g.title == "Calibration, failures and costs"]
    assert [row.cells[0].text for row in grid.rows] == ["0.043", "0.043", "–", "–"]


def test_types_are_compared_by_right_answers_or_by_recall_for_what_only_ranks(report: Report) -> None:
    grids = [g for g in tables.grids_of(report) if g.title.startswith("By type")]
    assert [[column.label for column in grid.columns] for grid in grids] == [
        ["geobrief", "geobrief, no reranking", "bm25, first passage"],
        ["bm25"],
    ]
    assert grids[1].rows[0].labels == ("comparison of two briefs", "10")


def test_a_difference_has_its_sign_its_interval_and_p(report: Report) -> None:
    (grid,) = [g for g in tables.grids_of(report) if g.title.startswith("Against bm25")]
    assert [cell.full for cell in grid.rows[0].cells] == ["+0.081 [+.051, +.111]", "<0.001", "60"]
    assert [cell.full for cell in grid.rows[2].cells] == ["−0.041 [−.071, −.011]", "0.012", "60"]


def test_a_measure_of_a_later_version_is_shown_under_its_own_name() -> None:
    assert "novel_measure" in printed(one_system(novel_measure=measured(0.5, 6, 6)), 80)


def test_the_heading_says_what_was_asked_and_what_a_refusal_means(report: Report) -> None:
    text = " ".join(printed(report, 80).split())
    assert "split dev; 60 of 11873 questions, 10 of them unanswerable; 1204 documents" in text
    assert "a refusal is due where the gold passage does not answer; made 2026-02-03T10:11:12Z" in text


def test_no_control_character_of_a_dataset_reaches_the_terminal(hostile: Report) -> None:
    text = printed(hostile, 200)
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u2028]", text)
    assert "[bold]x[/bold]" in text


def test_markdown_has_every_table_and_every_row_has_its_columns(report: Report) -> None:
    text = markdown_tables(report)
    assert "| System | hit@1<br><sub>n 50/60</sub> | R@5<br><sub>n 50/60</sub> |" in text
    for grid in tables.grids_of(report):
        assert f"**{grid.title}**" in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_markdown_of_a_dataset_acts_as_nothing(hostile: Report) -> None:
    text = markdown_tables(hostile)
    assert not re.search(r"(?<!\\)<(?!br>|sub>|/sub>|0\.001)", text)
    assert not re.search(r"(?<!\\)`", text)


def test_a_page_holds_no_markup_of_a_dataset(hostile: Report) -> None:
    html = render_page(hostile)
    assert "<img" not in html.lower()
    assert "\u2028" not in html
    assert html.lower().count("</script>") == 4
    assert "<!--" not in html


def test_a_page_names_nothing_to_fetch(report: Report) -> None:
    html = render_page(report)
    assert not re.search(r'(?:src|href)="(?!#)|url\(|@import', re.sub(r"<script.*?</script>", "", html, flags=re.S))
    assert "default-src &#39;none&#39;" in html


def test_records_come_back_from_the_page_as_they_were(hostile: Report) -> None:
    found = re.search(r'<script type="application/json" id="records-data">(.*?)</script>', render_page(hostile), re.S)
    assert found
    data = json.loads(found.group(1))
    assert data["questions"][0]["question"] == hostile.records[0].question
    assert data["passages"][0]["text"] == hostile.records[0].hits[0].text


def test_a_passage_and_a_question_travel_once(report: Report) -> None:
    twice = report.records[0], report.records[0].model_copy(update={"system": "again"})
    data: dict[str, Any] = browsable(report.model_copy(update={"records": twice}))
    assert (len(data["questions"]), len(data["passages"]), len(data["records"])) == (1, 10, 2)


def test_labels_of_charts_hold_no_tags(hostile: Report) -> None:
    figures: dict[str, Any] = figures_of(hostile)
    (types,) = [chart for chart in figures["charts"] if chart["title"].startswith("By type")]
    labels = [*types["layout"]["yaxis"]["ticktext"], *(trace["name"] for trace in types["data"])]
    assert all("<" not in label and label.startswith("&lt;/script&gt;") for label in labels)


def test_a_latency_histogram_counts_every_question(report: Report) -> None:
    figures: dict[str, Any] = figures_of(report)
    charts = [chart for chart in figures["charts"] if chart["title"].startswith("Latency")]
    assert [chart["title"] for chart in charts] == [f"Latency: {stage}" for stage in STAGES]
    for trace in charts[0]["data"]:
        assert sum(trace["y"]) == pytest.approx(1, abs=0.01)


def test_a_report_without_records_curves_or_types_makes_a_page() -> None:
    report = one_system(f1=measured(0.5, 6, 6)).model_copy(update={"records": ()})
    assert figures_of(report)["charts"] == []
    assert "0.500" in render_page(report)


sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


class Opened:
    """A page in Chromium, with what it fetched, said and raised."""

    def __init__(self, page: Any, path: Path, report: Report) -> None:
        self.page = page
        self.asked: list[str] = []
        self.told: list[str] = []
        path.write_text(render_page(report), encoding="utf-8")
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.told.append(message.text))
        page.on("pageerror", lambda error: self.told.append(str(error)))
        page.on("dialog", lambda dialog: self.told.append(f"dialog {dialog.message}"))
        page.goto(path.as_uri())
        self.items = page.locator("#list > li")
        self.items.first.wait_for()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    report = request.getfixturevalue(getattr(request, "param", "report"))
    page = browser.new_page(viewport={"width": 390, "height": 900}, color_scheme="dark")
    yield Opened(page, tmp_path / "page.html", report)
    page.close()


class TestInABrowser:
    pytestmark = in_a_browser

    def test_charts_are_drawn_and_nothing_is_fetched(self, opened: Opened) -> None:
        for figure in opened.page.locator("figure").all():
            figure.scroll_into_view_if_needed()
            figure.locator("svg.main-svg").first.wait_for()
        assert opened.page.locator("figure").count() == 9
        assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
        assert opened.told == []

    def test_the_page_is_no_wider_than_a_telephone(self, opened: Opened) -> None:
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390

    @pytest.mark.parametrize("opened", ["long_named"], indirect=True)
    def test_a_long_name_of_a_system_makes_it_no_wider(self, opened: Opened) -> None:
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 390

    @pytest.mark.parametrize("opened", ["hostile"], indirect=True)
    def test_hostile_text_is_shown_and_does_nothing(self, opened: Opened) -> None:
        opened.items.first.locator("summary").first.click()
        opened.items.first.locator(".body").wait_for()
        for figure in opened.page.locator("figure").all():
            figure.scroll_into_view_if_needed()
            figure.locator("svg.main-svg").first.wait_for()
        assert opened.page.locator("img, body b, svg a").count() == 0
        assert HOSTILE in opened.items.first.locator("mark").first.text_content()
        assert opened.told == []

    def test_filters_narrow_the_list_and_all_records_can_be_shown(self, opened: Opened, report: Report) -> None:
        failures = [r for r in report.records if r.correct is False or r.error]
        expect, count = sync_api.expect, opened.page.locator("#count")
        expect(count).to_have_text(f"{len(failures)} failures of 240 records")
        opened.page.select_option("[name=outcome]", "refused")
        refused = [r for r in failures if r.said and r.said.abstained and not r.error]
        expect(count).to_have_text(f"{len(refused)} failures of 240 records")
        opened.page.select_option("[name=outcome]", "")
        opened.page.check("[name=all]")
        expect(count).to_have_text("240 shown of 240 records")
        expect(opened.items).to_have_count(50)
        opened.page.fill("[name=text]", "Q00007")
        expect(count).to_have_text("4 shown of 240 records")

    def test_fifty_more_come_by_keyboard_and_the_first_of_them_has_the_focus(self, opened: Opened) -> None:
        opened.page.focus("#more")
        opened.page.keyboard.press("Enter")
        sync_api.expect(opened.items.nth(50).locator("summary").first).to_be_focused()
        opened.page.keyboard.press("Enter")
        opened.items.nth(50).locator(".body").wait_for()

    @pytest.mark.parametrize("opened", ["spans"], indirect=True)
    def test_gold_is_marked_by_offsets_or_by_text(self, opened: Opened) -> None:
        opened.items.first.locator("summary").first.click()
        marks = opened.items.first.locator(".passages mark")
        assert marks.all_text_contents() == ["4 April", "4  April"]
        tags = opened.items.first.locator(".passages summary").all_text_contents()
        assert tags == ["1. a · gold passage", "2. a · gold passage", "3. a · gold document", "4. b"]

    @pytest.mark.slow
    def test_a_thousand_questions_of_four_systems_open_within_two_seconds(self, browser: Any, tmp_path: Path) -> None:
        page = browser.new_page()
        page.set_default_timeout(2000)
        assert Opened(page, tmp_path / "page.html", make_report(1000)).items.count() == 50
        page.close()


@pytest.fixture(scope="module")
def long_named(report: Report) -> Report:
    """Failures of a system whose name is wider than a telephone's filter."""
    name = "first passage of langchain-tutorial"
    records = tuple(record.model_copy(update={"system": name}) for record in report.records if record.system == "bm25")
    return report.model_copy(update={"records": records})


@pytest.fixture(scope="module")
def spans(report: Report) -> Report:
    """One failure: the doves before the answer are one code point each, and two units of UTF-16."""
    text = "🕊🕊 It was 4 April."
    at = text.index("4")
    hits = (
        Hit(rank=1, doc_id="a", start=100, end=100 + len(text), text=text),
        Hit(rank=2, doc_id="a", start=None, end=None, text="On 4  April, then 4 May."),
        Hit(rank=3, doc_id="a", start=500, end=508, text="4 April."),
        Hit(rank=4, doc_id="b", start=None, end=None, text="4 April"),
    )
    gold = Gold(doc_id="a", start=100 + at, end=100 + at + 7, text="4 April")
    record = report.records[0].model_copy(
        update={"hits": hits, "gold": (gold,), "gold_docs": ("a",), "correct": False, "error": None}
    )
    return report.model_copy(update={"records": (record,)})
