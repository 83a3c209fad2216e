"""A small page on the real web server, and what a browser would send to it."""

from __future__ import annotations

import asyncio
import json
import queue
import secrets
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import plotly.graph_objects as figure
import uvicorn
from starlette.routing import BaseRoute

from rag.ui.page import build_ui
from rag.ui.port import listening_socket
from rag.ui.web.hosts import Hosts
from rag.ui.web.serve import WebApp, web_app
from rag.users import Users
from tests.fakes_ui import EXAMPLES, FakeAnswers, FakeLibrary

WHO, READ, KEEP, KEPT = range(4)
"""Which event of the page: who asks, what a file says, put a word into the page's state, what is in it."""


def small_page() -> gr.Blocks:
    """A page of four events, each of which shows its result in one box."""
    ui = gr.Blocks(analytics_enabled=False)
    with ui:
        shown, word, kept = gr.Textbox(label="Shown"), gr.Textbox(label="Word"), gr.State("")
        file = gr.UploadButton("Upload")

        def who(request: gr.Request) -> str:
            return f"user: {request.username}"

        def read(path: str) -> str:
            return Path(path).read_text(encoding="utf-8")

        gr.Button("Who").click(who, None, shown, api_visibility="private")
        file.upload(read, file, shown, api_visibility="private")
        gr.Button("Keep").click(lambda text: (text, text), word, [kept, shown], api_visibility="private")
        gr.Button("Kept").click(lambda text: text, kept, shown, api_visibility="private")
    return ui


def with_parts(text: str) -> gr.Blocks:
    """A page with the parts that need most of a browser, all of them showing the text."""
    ui = gr.Blocks(analytics_enabled=False, title=text)
    with ui:
        shown = gr.Textbox(label="Shown")
        gr.HTML("<p></p>", html_template="<p>${value}</p>", js_on_load="element.dataset.loaded = 'yes'", elem_id="html")
        gr.Plot(figure.Figure(figure.Bar(x=[text, "b"], y=[1, 2])), elem_id="bars")
        gr.Plot(figure.Figure(figure.Pie(labels=[text, "b"], values=[1, 2])), elem_id="pie")
        gr.Dataframe([[text, "2024"], ["b", "2023"]], headers=["title", "year"], elem_id="table")
        gr.Chatbot([{"role": "assistant", "content": text}], elem_id="chat")
        gr.Dropdown([text, "b"], multiselect=True, label="Choice")
        with gr.Accordion(text, open=False):
            gr.Markdown(text)
        file, button = gr.File(label="File", elem_id="file"), gr.UploadButton("Upload", elem_id="upload")
        for part in (file, button):
            part.upload(lambda path: Path(path).read_text(encoding="utf-8"), part, shown, api_visibility="private")
    return ui


def with_chat() -> gr.Blocks:
    """The chat over two short briefs."""
    return build_ui(FakeAnswers(), examples=EXAMPLES, library=FakeLibrary())


@contextmanager
def running(
    make_page: Callable[[], gr.Blocks],
    *,
    users: Users | None = None,
    routes: Sequence[BaseRoute] = (),
    allowed: Sequence[str] = (),
) -> Iterator[str]:
    """Serve a page on a free port of this machine; yield its address."""
    with serving(lambda hosts: web_app(make_page(), hosts=hosts, users=users, routes=routes), allowed) as address:
        yield address


@contextmanager
def serving(make: Callable[[Hosts], WebApp], allowed: Sequence[str] = ()) -> Iterator[str]:
    """Serve what is made on a free port of this machine; yield its address."""
    ready: queue.Queue[uvicorn.Server | BaseException] = queue.Queue()
    with listening_socket("127.0.0.1", 0) as listening:
        bound, port, *_ = listening.getsockname()

        async def serve() -> None:
            # Made here: without a running event loop gradio opens some that it never closes.
            app = make(Hosts.of(bound, port, allowed=allowed))
            server = _Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
            server.ready, server.stopping = ready, app.stopping
            await server.serve([listening])

        thread = threading.Thread(target=_reporting, args=(serve, ready))
        thread.start()
        server = ready.get(timeout=60)
        if isinstance(server, BaseException):
            raise server
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    ready: queue.Queue[uvicorn.Server | BaseException]
    stopping: asyncio.Event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.put(self)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.stopping.set()
        await super().shutdown(sockets)


def _reporting(serve: Callable[[], Coroutine[Any, Any, None]], ready: queue.Queue[Any]) -> None:
    try:
        asyncio.run(serve())
    except BaseException as error:
        ready.put(error)


def ask(client: httpx.Client, event: int, *data: Any, page: str | None = None) -> Any:
    """Return what an event of a page, by default a new one, gave over the queue; "error: …" where it failed."""
    page = page or secrets.token_hex(8)
    body = {"data": list(data), "fn_index": event, "session_hash": page, "trigger_id": None, "event_data": None}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": page}) as stream:
        stream.raise_for_status()
        for line in stream.iter_lines():
            message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
            if message.get("msg") == "process_completed":
                output = message["output"]
                return output["data"][0] if message["success"] else f"error: {output.get('error')}"
    return "error: the stream ended"


def file_at(path: str) -> dict[str, Any]:
    """What the page sends for an uploaded file."""
    return {"path": path, "orig_name": "a.txt", "mime_type": "text/plain", "meta": {"_type": "gradio.FileData"}}
