"""The Evaluate tab: its events, what it keeps in memory, how fast it is, and the tab in a real browser."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from rag.evaluation.kept import keep_report
from rag.ui.evaluate import tab as evaluate_tab
from rag.ui.evaluate.failures import ALL, PAGE_SIZE
from rag.ui.evaluate.reports import Reports, label_of
from rag.ui.evaluate.tab import build_evaluate_tab
from tests.browser import CHROMIUM, QUIET
from tests.fakes_ui import HOSTILE
from tests.ports import free_port
from tests.test_evaluation_report import make_report
from tests.test_ui_evaluate_view import Structure, spoken

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keep_report(make_report(60), tmp_path)
    return tmp_path


def built(folder: Path) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as ui, gr.Tabs(elem_id="gb-tabs"):
        with gr.Tab("Chat"):
            gr.Markdown("A chat")
        with gr.Tab("Evaluate", elem_id="gb-tab-evaluate"):
            build_evaluate_tab(folder)
    assert isinstance(ui, gr.Blocks)
    return ui


async def page_of(folder: Path) -> gr.Blocks:
    """Build the page in a running event loop: without one gradio opens some that it never closes."""
    return built(folder)


def test_no_event_is_open_to_other_programs(folder: Path) -> None:
    functions = list(asyncio.run(page_of(folder)).fns.values())
    assert len(functions) >= 5
    assert {function.api_visibility for function in functions} == {"private"}


def test_the_tab_needs_a_tab_around_it(folder: Path) -> None:
    async def bare() -> None:
        with gr.Blocks(analytics_enabled=False), pytest.raises(TypeError, match=r"gr\.Tab"):
            build_evaluate_tab(folder)

    asyncio.run(bare())


def test_events_return_a_value_for_each_of_their_outputs(folder: Path) -> None:
    ui = asyncio.run(page_of(folder))
    renewed, opened, filtered, back, _, forward, _ = ui.fns.values()
    (name,) = (kept.name for kept in Reports(folder).listed())
    filters = (ALL, ALL, ALL, "")
    for function, given in (
        (renewed, (None,)),
        (renewed, (name,)),
        (renewed, ("gone.json",)),
        (opened, (name,)),
        (opened, ("../gone.json",)),
        (filtered, (name, *filters, 1)),
        (filtered, (None, *filters, 1)),
        (back, (name, *filters, 1)),
        (forward, ("gone.json", *filters, 1)),
    ):
        assert len(function.fn(*given)) == len(function.outputs)  # type: ignore[misc]


def test_a_report_that_is_shown_stays_when_the_tab_is_opened_again(folder: Path) -> None:
    reports = Reports(folder)
    (name,) = (kept.name for kept in reports.listed())
    newer = make_report(3).model_copy(update={"made_at": "2027-01-01T00:00:00+00:00"})
    newest = keep_report(newer, folder).name
    picker, *rest = evaluate_tab._renewed(reports, name)
    assert (picker.value, [value for _, value in picker.choices]) == (name, [newest, name])
    assert all(value == gr.skip() for value in rest)
    assert evaluate_tab._renewed(reports, None)[1] == newest


def test_a_broken_report_says_why_and_the_newest_sound_one_is_opened(folder: Path) -> None:
    (folder / "20990101T000000Z-bad-0123456789ab.json").write_text("{<b>")
    reports = Reports(folder)
    broken, sound = sorted(reports.listed(), key=lambda kept: kept.unreadable is None)
    assert "cannot be read" in label_of(broken)
    assert evaluate_tab._renewed(reports, None)[1] == sound.name
    name, overview, browser, *_ = evaluate_tab._opened(reports, broken.name)
    assert (name, browser.visible) == (None, False)
    assert 'role="alert"' in overview.value
    assert Structure(overview.value).tags == [("p", ("class", "role"))]


def test_a_report_whose_file_was_replaced_is_read_again(folder: Path) -> None:
    reports = Reports(folder)
    (name,) = (kept.name for kept in reports.listed())
    first = reports.open(name)
    assert reports.open(name) is first
    (folder / name).write_text(make_report(3).model_dump_json() + "\n", encoding="utf-8")
    assert reports.open(name).report.dataset.n_questions == 3


def test_few_reports_stay_in_memory(tmp_path: Path) -> None:
    for n in range(4):
        keep_report(make_report(2).model_copy(update={"made_at": f"2026-02-03T10:11:1{n}+00:00"}), tmp_path)
    reports = Reports(tmp_path)
    opened = {kept.name: reports.open(kept.name) for kept in reports.listed()}
    assert len(reports._read) == 2
    last = list(opened)[-1]
    assert reports.open(last) is opened[last]


def test_actions_on_a_large_report_take_less_than_300_ms(tmp_path: Path) -> None:
    name = keep_report(make_report(1200), tmp_path).name
    reports = Reports(tmp_path)
    evaluate_tab._opened(reports, name)
    actions: dict[str, Callable[[], object]] = {
        "open": lambda: evaluate_tab._opened(reports, name),
        "renew": lambda: evaluate_tab._renewed(reports, None),
        "search": lambda: evaluate_tab._page(reports, 0, name, ALL, ALL, ALL, "finland", 1),
        "turn": lambda: evaluate_tab._page(reports, 1, name, ALL, ALL, "wrong", "", 3),
    }
    for what, action in actions.items():
        times = []
        for _ in range(3):
            started = time.perf_counter()
            action()
            times.append(time.perf_counter() - started)
        assert min(times) < 0.3, (what, times)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("reports"), free_port()
    keep_report(spoken(make_report(120), HOSTILE), folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, __file__, str(folder), str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_a_hostile_report_is_browsed(address: str, width: int, scheme: Any) -> None:
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.get_by_role("tab", name="Evaluate").click()
        page.locator(".gb-failures article").first.wait_for()
        assert page.locator(".gb-failures article").count() == PAGE_SIZE
        count = page.locator("#gb-evaluate").get_by_text(re.compile(r"^Failures 1 to 20 of"))
        count.wait_for()
        page.get_by_role("button", name="Next").click()
        page.get_by_text(re.compile(r"^Failures 21 to ")).wait_for()
        page.get_by_label("Search").fill("nothing holds this text")
        page.get_by_text("No failure passes the filters.").wait_for()
        page.get_by_label("Search").fill("")
        page.get_by_label("Failure", exact=True).click()
        page.get_by_role("option", name="Failed with an error").click()
        page.locator(".gb-failures").get_by_text("IndexLocked").first.wait_for()
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("#gb-evaluate :is(script, iframe, img, a)").count() == 0
        assert all(url.startswith((address, "data:", "blob:")) for url in asked)
        chromium.close()


if __name__ == "__main__":
    from rag.ui.web.serve import launch

    launch(built(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]))
