"""The tab of the corpus: what it shows, what it lets a user do, and that no text of a brief does anything."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import gradio as gr
import pytest
from gradio.context import Context

from rag.catalogue import BriefRow
from rag.ui.corpus.changes import Acting, build_adding, build_removing
from rag.ui.corpus.charts import count, label, month_figure, months_html, region_figure, regions_html
from rag.ui.corpus.jobs import forgetting_text, jobs_html, removal_text
from rag.ui.corpus.rows import PAGE_ROWS, Query, listed, table_html
from rag.ui.corpus.tab import build_corpus_tab
from rag.ui.corpus.uploaded_files import uploaded
from rag.ui.corpus.view import Showing, build_view
from rag.ui.library import CatalogueLibrary
from rag.uploads import Item, Job, Removal, Uploads
from tests.conftest import Desk
from tests.fakes_corpus import HOSTILE_REGION
from tests.fakes_ui import HOSTILE

HERE = Path(__file__).parent
T = TypeVar("T")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def brief(brief_id: str, *, title: str = "", date: str | None = None, chunks: int = 1, **labels: Any) -> BriefRow:
    regions, topics = labels.get("regions", ()), labels.get("topics", ())
    path = labels.get("path", __file__)
    return BriefRow(brief_id, title or brief_id, date, labels.get("source"), regions, topics, path, chunks)


def no_upload(path: str) -> bool:
    return False


def ids(rows: list[BriefRow], query: Query) -> list[str]:
    return [row.brief_id for row in listed(rows, query, no_upload).rows]


# The table


def test_rows_are_sorted_and_those_without_the_value_come_last_either_way() -> None:
    rows = [brief("b", date="2024-05"), brief("none"), brief("c", date="2023"), brief("a", date="2024-05-16")]
    assert ids(rows, Query(sort="date", descending=True)) == ["a", "b", "c", "none"]
    assert ids(rows, Query(sort="date", descending=False)) == ["c", "b", "a", "none"]
    assert ids(rows, Query(sort="title", descending=False)) == ["a", "b", "c", "none"]


def test_a_search_finds_rows_that_hold_all_words_in_any_field_and_case() -> None:
    rows = [
        brief("a", title="Talks in OSLO", source="Wire", regions=("Europe",)),
        brief("b", title="Talks", topics=("trade",), date="2024-05-16"),
    ]
    assert ids(rows, Query("oslo wire EUROPE")) == ["a"]
    assert ids(rows, Query("talks 2024-05")) == ["b"]
    assert ids(rows, Query("talks (")) == []


def test_pages_hold_fifty_rows_and_a_page_beyond_the_last_is_the_last() -> None:
    rows = [brief(f"{n:03}") for n in range(101)]
    assert [len(listed(rows, Query(page=n), no_upload).rows) for n in (0, 1, 2, 999)] == [PAGE_ROWS, PAGE_ROWS, 1, 1]
    assert listed([], Query(page=3), no_upload).page == 0


def test_ten_thousand_rows_are_searched_sorted_and_shown_in_a_moment() -> None:
    rows = [brief(f"{n}", title=f"Talks {n}", date="2024", regions=("asia", "africa")) for n in range(10_000)]
    started = time.process_time()
    table_html(listed(rows, Query("talks asia", sort="title"), no_upload), Query("talks asia"), no_upload)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"sort": "date"}, Query(descending=False)),
        ({"sort": "title"}, Query(sort="title", descending=False)),
        ({"page": "3"}, Query(page=3)),
        ({"page": "-1"}, Query()),
        ({"page": "9" * 400}, Query()),
        ({"page": 3}, Query()),
        ({"sort": "__class__"}, Query()),
        ({"sort": ["date"]}, Query()),
        ({}, Query()),
    ],
)
def test_only_buttons_of_the_table_change_what_is_asked_of_it(sent: dict[str, Any], expected: Query) -> None:
    assert Query().pressed(sent) == expected


def test_hostile_fields_stand_in_the_table_as_text() -> None:
    row = brief(
        '"><img src=x>', title=HOSTILE, source=HOSTILE, regions=(HOSTILE,), topics=(HOSTILE_REGION,), date="2024"
    )
    html = table_html(listed([row], Query(), no_upload), Query(), no_upload)
    tags = set(re.findall(r"<(/?\w+)", html))
    assert tags <= {
        f"{end}{tag}" for tag in "div p table thead tbody tr th td button bdi span".split() for end in ("", "/")
    }
    assert not re.search(r"[`${}\\]", html)


def test_the_order_is_told_to_screen_readers() -> None:
    html = table_html(listed([brief("a")], Query(), no_upload), Query(), no_upload)
    assert re.findall(r'aria-sort="(\w+)"', html) == ["none", "descending", *["none"] * 5]


def test_a_row_tells_where_its_brief_comes_from(tmp_path: Path) -> None:
    rows = [brief("a"), brief("b", path=str(tmp_path / "gone.md")), brief("c", path=str(tmp_path))]
    html = table_html(listed(rows, Query(), no_upload), Query(), lambda path: path == str(tmp_path))
    assert re.findall(r'data-label="State"><bdi>([^<]*)', html) == ["from a folder", "file is gone", "uploaded"]


# The charts


def test_briefs_are_counted_by_region_and_month() -> None:
    rows = [
        brief("a", date="2024-05-16", regions=("Asia", "asia", "Europe")),
        brief("b", date="2024-05", regions=("asia",)),
        brief("c", date="2023"),
        brief("d"),
    ]
    counts = count(rows)
    assert (dict(counts.regions), counts.no_region) == ({"Asia": 2, "Europe": 1}, 2)
    assert (dict(counts.months), counts.year_only, counts.undated) == ({"2024-05": 2}, 1, 1)
    assert "2 briefs state no region." in regions_html(counts)
    assert "1 brief states only the year. 1 brief states no date." in months_html(counts)


def test_no_label_of_a_chart_holds_a_tag_or_formula() -> None:
    counts = count([brief("a", regions=(HOSTILE_REGION, HOSTILE, "\u202eevil\u2066"), date="2024-05-16")])
    shown = json.dumps([region_figure(counts), month_figure(counts)]).replace("<extra></extra>", "")
    assert not re.search(r"[<$\u202e\u2066]", json.loads(json.dumps(shown)))
    assert "\\u202e" not in shown
    assert label("<a href='http://x'>a</a>") == "&lt;a href=&#x27;http://x&#x27;&gt;a&lt;/a&gt;"


def test_regions_that_are_cut_to_the_same_label_keep_a_bar_each() -> None:
    figure: Any = region_figure(count([brief("a", regions=("x" * 100 + "1", "x" * 100 + "2"))]))
    assert figure["data"][0]["y"] == [0, 1]
    assert len(set(figure["layout"]["yaxis"]["ticktext"])) == 1


def test_region_names_stand_beside_the_chart_as_text() -> None:
    html = regions_html(count([brief("a", regions=(HOSTILE_REGION,))]))
    assert "<a" not in html
    assert "<b>" not in html


def test_an_empty_corpus_is_said_to_be_empty() -> None:
    counts = count([])
    assert "No brief states a region." in regions_html(counts)
    assert "No brief states a month." in months_html(counts)
    assert "holds no brief yet" in table_html(listed([], Query(), no_upload), Query(), no_upload)


# Changes


def test_names_and_reasons_of_files_are_listed_as_text() -> None:
    html = jobs_html([Job("1", "upload", "", (Item(HOSTILE, "failed", note=HOSTILE), Item("a", "done", 3)))])
    assert set(re.findall(r"<(\w+)", html)) == {"section", "h3", "ul", "li", "bdi", "span"}
    assert "done, 3 chunks" in html


def test_a_removal_says_what_it_will_do() -> None:
    mine = Removal("a", "Talks", Path("/i/uploads/a.md"), True, ("b",))
    theirs = Removal("a", "Talks", Path("/c/a.md"), False, ())
    assert "The uploaded file a.md is deleted. The file holds 1 more brief (b): removed, too." in removal_text(mine)
    assert "its file /c/a.md would bring it back" in removal_text(theirs)
    assert "holds 1 more brief (b) and stays, text and all" in forgetting_text(mine)
    assert "Its file /c/a.md is not touched." in forgetting_text(theirs)


def test_files_that_were_not_uploaded_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, secret = tmp_path / "received", tmp_path / "secret.md"
    folder.mkdir()
    secret.write_text("secret")
    (folder / "link.md").symlink_to(secret)
    (folder / "good.md").write_text("good")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    places = [secret, folder / "link.md", folder / ".." / "secret.md", "/etc/passwd", "http://x/a.md", "\x00", 7, None]
    sent: list[object] = [{"path": place if not isinstance(place, Path) else str(place)} for place in places]
    good = {"path": str(folder / "good.md"), "orig_name": "Gut ü.md"}
    assert uploaded([*sent, good, "text", None]) == [(folder / "good.md", "Gut ü.md")]
    assert uploaded(None) == []


def in_page(build: Callable[[], T]) -> T:
    """Build parts of a page in a running event loop: without one gradio opens some that it never closes."""

    async def run() -> T:
        with gr.Blocks():
            return build()

    return asyncio.run(run())


@pytest.fixture
def acting(desk: Desk) -> Iterator[Acting]:
    desk.write("talks.md", "The talks took place.")
    desk.ingest()
    uploads = Uploads(desk.settings, embeddings=desk.embeddings)
    library = CatalogueLibrary(desk.open().catalogue)
    adding, view, removing = in_page(lambda: (build_adding(), build_view(), build_removing()))
    yield Acting(adding, removing, Showing(view, library, uploads.holds), uploads, lambda user: user == "editor")
    uploads.close()


def by(user: str) -> Any:
    return SimpleNamespace(username=user)


def test_who_may_not_write_is_refused_whatever_the_page_sends(acting: Acting) -> None:
    reader = by("reader")
    calls: tuple[Callable[[], object], ...] = (
        lambda: acting.add([], reader),
        lambda: acting.ask_reread(reader),
        lambda: acting.reread(reader),
        lambda: acting.ask_remove("talks", reader),
        lambda: acting.ask_forget("talks", reader),
        lambda: acting.take_out(("forget", "talks"), reader),
    )
    for call in calls:
        with pytest.raises(gr.Error, match="not change it"):
            call()
    assert acting.uploads.jobs() == ()
    assert acting.open("talks", reader)[acting.adding.column].visible is False


def test_a_removal_that_nobody_asked_about_does_nothing(acting: Acting) -> None:
    acting.take_out(("", ""), by("editor"))
    assert acting.uploads.jobs() == ()


def test_a_brief_of_a_folder_cannot_be_removed_from_the_page_but_forgotten(acting: Acting) -> None:
    confirmation = acting.removing.confirmation
    asked = acting.ask_remove("talks", by("editor"))
    assert "would bring it back" in asked[confirmation.text]
    assert asked[confirmation.yes].visible is False
    asked = acting.ask_forget("talks", by("editor"))
    acting.take_out(asked[acting.removing.pending], by("editor"))
    assert acting.uploads.wait(60)
    assert acting.showing.library.briefs() == ()


def test_users_see_their_own_jobs_and_the_timer_runs_while_one_does(acting: Acting) -> None:
    updates = acting.reread(by("editor"))
    assert updates[acting.adding.timer].active is True
    assert acting.uploads.wait(60)
    updates = acting.look(Query(), "", by("editor"))
    assert updates[acting.adding.timer].active is False
    assert "Read the folders again" in updates[acting.adding.jobs]
    assert acting.look(Query(), "", by("other"))[acting.adding.jobs] == ""


def test_the_list_follows_an_ingest_of_another_process(desk: Desk) -> None:
    desk.write("a.md", "One.")
    desk.ingest()
    library = CatalogueLibrary(desk.open().catalogue)
    assert [row.brief_id for row in library.briefs()] == ["a"]
    assert library.briefs() is library.briefs()
    desk.write("b.md", "Two.", region="asia")
    desk.ingest()
    assert [row.brief_id for row in library.briefs()] == ["a", "b"]
    assert library.facets().regions == ("asia",)


def test_no_event_of_the_tab_is_part_of_an_api(desk: Desk) -> None:
    uploads = Uploads(desk.settings, embeddings=desk.embeddings)
    library = CatalogueLibrary(desk.open().catalogue)

    def build() -> gr.Blocks:
        with gr.Tab("Corpus"):
            build_corpus_tab(library, uploads)
        assert Context.root_block is not None
        return Context.root_block

    ui = in_page(build)
    uploads.close()
    events = ui.config["dependencies"]
    assert len(events) >= 14
    assert {event["api_visibility"] for event in events} == {"private"}
    assert "select" in {target[1] for event in events for target in event["targets"]}


# In a browser


class Server:
    """The tab in a process of its own."""

    def __init__(self, folder: Path) -> None:
        from tests.browser import ENVIRONMENT
        from tests.ports import free_port

        self.address = f"http://127.0.0.1:{(port := free_port())}"
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "fakes_corpus.py"), str(port), str(folder)],
            env={**os.environ, **ENVIRONMENT},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        printed = [self.process.stdout.readline()]
        while printed[-1] and not printed[-1].startswith("Running on"):
            printed.append(self.process.stdout.readline())
        assert printed[-1], "".join(printed)

    def stop(self) -> str:
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("served"))
    yield running
    printed = running.stop()
    assert "OUTSIDE" not in printed
    assert "Traceback" not in printed


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from tests.browser import QUIET

    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium: Any, server: Server) -> Iterator[Any]:
    """Open the tab in a browser of its own; at the end, check that it asked nobody but the server."""
    contexts, requests, errors = [], [], []

    def opened(*, width: int = 1440, height: int = 900, scheme: str = "light") -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.address)
        page.get_by_role("tab", name="Corpus").click()
        page.locator("#gb-corpus-table tbody tr").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith((f"{server.address}/", "data:", "blob:"))] == []
    assert errors == []


def rows(page: Any) -> Any:
    return page.locator("#gb-corpus-table tbody tr")


def add(page: Any, *files: dict[str, Any]) -> None:
    """Open what adds briefs and choose files; wait until each has come to an end."""
    if not page.locator("#gb-corpus-files input[type=file]").count():
        page.get_by_role("button", name="Add briefs").click()
    page.locator("#gb-corpus-files input[type=file]").set_input_files(list(files))
    page.locator(".gb-corpus-jobs").first.wait_for()
    page.wait_for_function("!document.querySelector('.gb-corpus-items :is(.is-waiting, .is-reading)')", timeout=30_000)


def file(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}


@pytest.mark.browser
def test_the_table_is_searched_sorted_and_paged(open_tab: Any) -> None:
    page = open_tab()
    assert rows(page).count() == PAGE_ROWS
    page.get_by_role("button", name="Next").click()
    page.get_by_text("Page 2 of 2").wait_for()
    page.get_by_role("button", name="Title").click()
    page.locator('th[aria-sort="ascending"] [data-sort="title"]').wait_for()
    page.locator('[data-sort="title"]:focus').wait_for()
    page.get_by_label("Search the list of briefs").fill("talks-07")
    page.get_by_text("1 of 61 briefs").wait_for()
    rows(page).first.get_by_role("button").click()
    page.locator(".gb-corpus-brief:focus").wait_for()
    assert page.locator(".gb-corpus-brief .gb-brief").inner_text() == "The talks number 7 took place."
    page.keyboard.press("Escape")
    page.locator("#gb-corpus-table tr[aria-current] button:focus").wait_for()


@pytest.mark.browser
def test_hostile_text_of_briefs_stays_text(open_tab: Any) -> None:
    page = open_tab()
    rows(page).first.get_by_role("button").click()
    page.locator(".gb-corpus-brief").wait_for()
    page.locator("#gb-corpus-charts .ytick").first.scroll_into_view_if_needed()
    box = page.locator("#gb-corpus-charts .bars .point path").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("#gb-corpus-charts .hoverlayer text").first.wait_for()
    assert "<a href=" in page.locator("#gb-corpus-charts .hoverlayer").first.text_content()
    assert "<a href=" in page.locator("#gb-corpus-charts .ytick").nth(1).text_content()
    assert "<img src=x onerror=window.hacked=1>" in page.locator(".gb-corpus-brief").inner_text()
    assert page.evaluate("window.hacked") is None
    inside = "#gb-corpus :is(img, script, iframe, h1, code, strong, b, .katex, a[href])"
    assert page.locator(inside).count() == 0


@pytest.mark.browser
def test_files_are_taken_in_with_a_state_each_and_a_brief_is_removed_after_a_question(open_tab: Any) -> None:
    page = open_tab()
    add(page, file("<img src=x onerror=window.hacked=1>.md", "The harbour of Aden opened."), file("b.pdf", "no PDF"))
    shown = page.locator(".gb-corpus-items li").all_inner_texts()
    assert "done, 1 chunk" in shown[0]
    assert "is named .pdf but is something else" in shown[1]
    assert page.evaluate("window.hacked") is None
    page.get_by_label("Search the list of briefs").fill("img")
    page.locator("#gb-corpus-table tbody tr", has_text="uploaded").get_by_role("button").click()
    page.locator(".gb-brief", has_text="The harbour of Aden opened.").wait_for()
    page.get_by_role("button", name="Remove …").click()
    page.get_by_role("button", name="Leave it").click()
    page.get_by_role("button", name="Remove …").click()
    page.get_by_role("button", name="Remove it").click()
    page.locator(".gb-corpus-brief .gb-note", has_text="Replaced or removed on").wait_for()
    page.locator("#gb-corpus-table tbody tr", has_text="uploaded").wait_for(state="detached")
    assert not page.get_by_role("button", name="Forget …").is_visible()


@pytest.mark.browser
def test_two_people_upload_at_once(open_tab: Any) -> None:
    first, second = open_tab(), open_tab()
    for page, text in ((first, "Ships left Aden."), (second, "Ships left Basra.")):
        page.get_by_role("button", name="Add briefs").click()
        page.locator("#gb-corpus-files input[type=file]").set_input_files([file("ships.md", text)])
    for page in (first, second):
        page.locator(".gb-corpus-jobs").first.wait_for()
        page.wait_for_function("!document.querySelector('.gb-corpus-items :is(.is-waiting, .is-reading)')")
    second.get_by_label("Search the list of briefs").fill("ships")
    second.get_by_text("2 of ").wait_for()


@pytest.mark.browser
def test_reading_the_folders_again_asks_first(open_tab: Any) -> None:
    page = open_tab()
    page.get_by_role("button", name="Add briefs").click()
    page.get_by_role("button", name="Read the folders again …").click()
    page.get_by_role("alert").get_by_text("Briefs whose file is gone are withdrawn").wait_for()
    page.get_by_role("button", name="Read again", exact=True).click()
    page.locator(".gb-corpus-items", has_text="unchanged").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_tab_fits_its_window(open_tab: Any, width: int, scheme: str) -> None:
    page = open_tab(width=width, scheme=scheme)
    rows(page).first.get_by_role("button").click()
    page.locator(".gb-corpus-brief").wait_for()
    page.locator("#gb-corpus-charts .bars").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
