"""A connection to a Chroma server: where it is, and what it is shown."""

from __future__ import annotations

import re
import weakref
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import chromadb
import httpx
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.api.fastapi import FastAPI
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, System
from chromadb.config import Settings as ChromaSettings

from rag.errors import UsageError
from rag.vectors.failures import FAILURES, Explainer, Refusal, check

TOKEN_HEADER = "x-chroma-token"
Result = TypeVar("Result")


class Connection:
    """What langchain's Chroma asks of a client, for one database of one server. Safe for threads.

    `chromadb.HttpClient` sends requests while it is made and waits without end for each answer (1.5.9). So this speaks
    through the same API object, whose session it sets a time-out; nothing is sent before the first call.

    Attributes:
        url: without user and password.
    """

    def __init__(
        self, url: str, *, tenant: str | None, database: str | None, token: str | None, timeout_s: float
    ) -> None:
        """Read the address; nothing is sent yet.

        Raises:
            UsageError: if it is none, or token, tenant or database cannot be sent.
        """
        parts = _parts(url)
        self.url = _without_user(parts)
        self._tenant = _name("tenant", tenant or DEFAULT_TENANT)
        self._database = _name("database", database or DEFAULT_DATABASE)
        secrets = [secret for secret in (token, unquote(parts.password or "")) if secret]
        self._explainer = Explainer(self.url, self._tenant, self._database, timeout_s, secrets)
        self._api = _api(self.url)
        session = self._api._session
        session.timeout = httpx.Timeout(timeout_s)
        session.auth = _Credentials(_sendable(token), _basic(parts))
        session.event_hooks = {"response": [check]}
        weakref.finalize(self, session.close)

    def get_or_create_collection(
        self, name: str, *, configuration: CreateCollectionConfiguration, **_unused: object
    ) -> chromadb.Collection:
        """Return a collection, made where there is none.

        Raises:
            IndexUnusable: or a kind of it; the message names the remedy.
        """
        with self._in_words():
            self._api.get_tenant(self._tenant)
            self._api.get_database(self._database, self._tenant)
            model = self._api.get_or_create_collection(
                name, configuration=configuration, tenant=self._tenant, database=self._database
            )
            return chromadb.Collection(client=self._api, model=model, embedding_function=None)

    def delete_collection(self, name: str) -> None:
        """Delete a collection, if there is one. Raises as above."""
        with self._in_words():
            try:
                self._api.delete_collection(name, tenant=self._tenant, database=self._database)
            except Refusal as refusal:
                if not refusal.collection_is_gone:
                    raise

    def get_max_batch_size(self) -> int:
        """Return how many vectors the server takes at once. Raises as above."""
        return self.call(self._api.get_max_batch_size)

    def call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Call a function that speaks to the server. Raises as above."""
        with self._in_words():
            return function(*args, **kwargs)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except FAILURES as error:
            raise self._explainer.explained(error) from error


class _Credentials(httpx.Auth):
    """Shows a server the token and the user of its address. Kept out of headers and settings, which are printed."""

    def __init__(self, token: str | None, user: str | None) -> None:
        self._shown = {TOKEN_HEADER: token, "Authorization": user}

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update({name: value for name, value in self._shown.items() if value})
        yield request


def _api(url: str) -> FastAPI:
    settings = ChromaSettings(
        _env_file=None,  # a file .env that happens to lie here must not redirect or unlock anything
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=url,
        chroma_server_http_port=0,  # required, and not used where the host is a URL
        chroma_server_ssl_enabled=url.startswith("https:"),
        chroma_client_auth_provider=None,
        chroma_server_headers=None,
        chroma_server_ssl_verify=None,
        chroma_otel_collection_endpoint="",
        anonymized_telemetry=False,
    )
    return System(settings).instance(FastAPI)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = SplitResult("", "", "", "", ""), False
    if not usable or parts.query or parts.fragment or re.search(r"[^\x21-\x7e]|\\", url):
        shown = re.sub(r"^(\w*:?/*).*@|[?#].*", r"\1", url)
        raise UsageError(f"store.url {shown!r} is no address of a server; write it as http://host:8000")
    return parts


def _without_user(parts: SplitResult) -> str:
    path = re.sub("/+", "/", unquote(parts.path)).rstrip("/")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path).geturl()


def _basic(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {b64encode(user.encode()).decode()}"


def _sendable(token: str | None) -> str | None:
    """Check a token before it is sent: the errors of the library that sends it would quote it."""
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UsageError("store.token holds blanks, line breaks or letters that no header can carry; check it")
    return token or None


def _name(what: str, value: str) -> str:
    if not re.fullmatch(r"[^/\\\s\x00-\x1f]+", value) or value in (".", ".."):
        raise UsageError(f"store.{what} {value!r} is no name of a {what}; use letters, digits, '_' and '-'")
    return value
