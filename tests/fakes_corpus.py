"""A page with the tab of the corpus over a small index, for its tests in a browser.

`python fakes_corpus.py PORT FOLDER` ingests hostile and plain briefs into FOLDER and serves the tab; users may change
the corpus.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from rag.build import open_index
from rag.ingest import sync
from rag.settings import Settings
from rag.ui.corpus.tab import build_corpus_tab
from rag.ui.library import CatalogueLibrary
from rag.uploads import Uploads
from tests.fakes import HashEmbeddings
from tests.fakes_ui import HOSTILE, report_outside

HOSTILE_REGION = "<a href='http://links.invalid/'>click</a> <b>bold</b> ${window.hacked=1} $x$"


def write_briefs(folder: Path) -> None:
    """Write sixty plain briefs of January to May 2024, and one of which every field is hostile."""
    folder.mkdir(parents=True)
    for n in range(60):
        front = f"title: Talks {n:02}\ndate: 2024-{n % 5 + 1:02}-0{n % 9 + 1}\nsource: Wire\nregion: [asia]\n"
        (folder / f"talks-{n:02}.md").write_text(f"---\n{front}---\nThe talks number {n} took place.", encoding="utf-8")
    quoted = "'" + " ".join(HOSTILE.split()).replace("'", "''")[:400] + "'"
    region = "'" + HOSTILE_REGION.replace("'", "''") + "'"
    front = f"title: {quoted}\nsource: {quoted[:150]}'\ndate: 2024-12-01\nregion: [{region}]\ntopics: [{region}]\n"
    (folder / "hostile.md").write_text(f"---\n{front}---\n{HOSTILE}", encoding="utf-8")


def page_over(folder: Path, *, may_write: Callable[[str], bool] = lambda user: True) -> tuple[gr.Blocks, Uploads]:
    """Return a page with the tab over the briefs of a new folder, and its uploads."""
    settings, model = Settings(index=folder / "index"), HashEmbeddings()
    write_briefs(folder / "briefs")
    index = open_index(settings, create=True, embeddings=model)
    report = sync(index, [folder / "briefs"])
    assert not report.failed, report.failed
    uploads = Uploads(settings, embeddings=model)
    ui = gr.Blocks(title="corpus", analytics_enabled=False, fill_height=True, fill_width=True)
    with ui, gr.Tabs(elem_id="gb-tabs"):
        with gr.Tab("Chat", elem_id="gb-tab-chat"):
            gr.HTML("<p>chat</p>")
        with gr.Tab("Corpus", elem_id="gb-tab-corpus"):
            build_corpus_tab(CatalogueLibrary(index.catalogue), uploads, may_write=may_write)
    return ui, uploads


if __name__ == "__main__":
    os.environ["GRADIO_TEMP_DIR"] = str(Path(sys.argv[2]) / "received")
    sys.addaudithook(report_outside)
    from rag import ui as pages

    page, running = page_over(Path(sys.argv[2]))
    pages.launch(page, host="127.0.0.1", port=int(sys.argv[1]), examples=())
    running.close()
