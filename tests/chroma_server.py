"""A real Chroma server for tests, and what may stand between it and its clients."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock, Thread

from rag.vectors import ServerVectors
from tests.fakes import HashEmbeddings
from tests.ports import free_port

CHROMA = Path(sys.executable).with_name("chroma")
START_S = 30


class ChromaServer:
    """`chroma run` over a folder, on a port that it keeps when it is started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._ending = Lock()

    def start(self) -> ChromaServer:
        """Start it, and wait until it answers."""
        command = [str(CHROMA), "run", "--path", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it at once, wherever it is."""
        self._end(subprocess.Popen.kill)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self._ending:
            if self.process is not None:
                how(self.process)
                self.process.wait(START_S)
                self.process = None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/v2/heartbeat")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@dataclass(frozen=True)
class Request:
    """What a gate was asked: header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What a gate answers instead of the server behind it."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


Answer = Callable[[Request], Reply | None]


@contextmanager
def gate(port: int, answer: Answer, *, prefix: str = "", tls: tuple[Path, Path] | None = None) -> Iterator[str]:
    """A proxy before a server's port: its address.

    Args:
        answer: a reply, or None to pass the request on.
        prefix: of the paths that it takes; it is cut off.
        tls: certificate and key, to speak https.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Request(self.command, self.path, headers, body)
            try:
                reply = answer(request) or _passed_on(port, request, prefix)
            except (OSError, http.client.HTTPException):  # the server ended while it was asked
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self.reply
            raise AttributeError(name)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}{prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _passed_on(port: int, request: Request, prefix: str) -> Reply:
    if not request.path.startswith(f"{prefix}/"):
        return Reply(404, b"nothing here", "text/plain")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(request.method, request.path.removeprefix(prefix), request.body, request.headers)
        response = connection.getresponse()
        return Reply(response.status, response.read(), response.headers.get("Content-Type", "application/json"))
    finally:
        connection.close()


def tell_ids(url: str, collection: str, pipe: Connection) -> None:
    """What a process does that keeps a store open: it tells all ids whenever it is sent something."""
    vectors = ServerVectors(url, HashEmbeddings(), collection=collection)
    vectors.at(0)
    pipe.send("open")
    query = HashEmbeddings().embed_query("grain exports")
    while pipe.recv():
        pipe.send((vectors.ids(0), vectors.closest(0, query, k=10)))


@contextmanager
def silent_server() -> Iterator[str]:
    """A server that takes connections and never says a word: its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
