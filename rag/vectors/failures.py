"""What goes wrong between here and a Chroma server, in words that name the server and the remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from chromadb.errors import ChromaError

from rag.errors import IndexCorrupt, IndexLocked, IndexMismatch, IndexUnusable
from rag.printable import one_line

FAILURES = (httpx.HTTPError, ChromaError, ValueError, KeyError, TypeError, AttributeError)
"""What the client raises; the last three where an answer is not shaped as Chroma's are."""
NOT_FOUND = 404
MAX_CAUSE_CHARS = 200


class Refusal(ValueError):
    """An answer of the server that is no success.

    Attributes:
        status: of HTTP.
        kind: what Chroma calls the error; None where the answer is not Chroma's.
        said: what it says about it. Not part of the message, since a server may repeat a token that it was shown.
    """

    def __init__(self, status: int, kind: str | None, said: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.kind = kind
        self.said = said

    @property
    def collection_is_gone(self) -> bool:
        """Whether the collection that was asked is not, or no longer, there."""
        return self.status == NOT_FOUND and self.said.startswith("Collection [")


def check(response: httpx.Response) -> None:
    """Raise what a server refused, with its status, which chromadb's own errors leave out.

    Raises:
        Refusal: if the answer is no success.
    """
    if response.is_success:
        return
    response.read()
    kind: str | None = None
    said = response.text if response.headers.get("content-type", "").startswith("text/plain") else ""
    try:
        body = response.json()
        kind, said = str(body["error"]), str(body.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # a page of a proxy, say, of which nobody wants to read
    raise Refusal(response.status_code, kind, said)


@dataclass(frozen=True)
class Explainer:
    """Says in words what went wrong with one server.

    Attributes:
        url: without user and password.
        secrets: never repeated, also where the server sends them back.
    """

    url: str
    tenant: str
    database: str
    timeout_s: float
    secrets: Sequence[str] = field(repr=False)

    def explained(self, error: Exception) -> IndexUnusable:
        """Return what to raise for one of `FAILURES`."""
        cause, server = self._cause(error), f"the Chroma server {self.url}"
        if isinstance(error, httpx.TimeoutException):
            return IndexUnusable(
                f"{server} did not answer within {self.timeout_s:g} s; try again, or raise store.timeout_s"
            )
        if isinstance(error, httpx.HTTPError):
            remedy = "name its authority in SSL_CERT_FILE" if "certificate" in cause else "start it"
            return IndexUnusable(f"{server} cannot be reached ({cause}); {remedy}, or check store.url")
        if isinstance(error, Refusal):
            return self._refused(error, cause)
        if isinstance(error, json.JSONDecodeError | KeyError | TypeError | AttributeError):
            return _no_chroma(self.url, "it answers otherwise")
        return IndexUnusable(f"{server} was not asked ({cause}); this is a fault of geobrief, please report it")

    def _refused(self, error: Refusal, cause: str) -> IndexUnusable:
        said = error.said.lower()
        for name, value in (("tenant", self.tenant), ("database", self.database)):
            if error.status == NOT_FOUND and said.startswith(f"{name} ["):
                return IndexUnusable(
                    f"the Chroma server {self.url} has no {name} {value!r}; make it, or set store.{name} to another"
                )
        for words, explain in _BY_WORDS.items():
            if error.kind and words in said:
                return explain(self.url, cause)
        if error.kind is None and error.status not in _OF_ANY_SERVER:
            return _no_chroma(self.url, cause)
        return {**_OF_CHROMA, **_OF_ANY_SERVER}.get(error.status, _unusual)(self.url, cause)

    def _cause(self, error: Exception) -> str:
        """Return the error's own words on one line, without a secret that a server may have sent back."""
        more = f": {error.said}" if isinstance(error, Refusal) and error.said else ""
        said = one_line(f"{error}{more}") or type(error).__name__
        for secret in self.secrets:
            said = said.replace(secret, "…")
        return said[:MAX_CAUSE_CHARS]


def _no_chroma(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(
        f"there is no Chroma server with API v2 at {url} ({cause}); check store.url, and that the server is Chroma 1.x"
    )


def _no_access(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(f"the Chroma server {url} refuses access ({cause}); set store.token to a valid token")


def _too_large(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(f"the Chroma server {url} refuses so much at once ({cause}); lower ingest.batch_chunks")


def _busy(url: str, cause: str) -> IndexLocked:
    return IndexLocked(f"the Chroma server {url} is busy ({cause}); try again in a moment")


def _cannot_write(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(f"the Chroma server {url} cannot write ({cause}); check its rights and free space")


def _not_well(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(f"the Chroma server {url}, or a proxy before it, is not well ({cause}); try again later")


def _other_model(url: str, cause: str) -> IndexMismatch:
    return IndexMismatch(
        f"the Chroma server {url} holds vectors of another model ({cause}); set store.collection to another, "
        "or run `geobrief doctor --repair` to rebuild this one"
    )


def _damaged(url: str, cause: str) -> IndexCorrupt:
    return IndexCorrupt(f"the vectors on {url} cannot be used ({cause}); run `geobrief doctor --repair`")


def _unusual(url: str, cause: str) -> IndexUnusable:
    return IndexUnusable(f"the Chroma server {url} refuses ({cause}); check the settings of store")


_Explain = Callable[[str, str], IndexUnusable]
_BY_WORDS: Mapping[str, _Explain] = {
    "is full": _cannot_write,
    "no space": _cannot_write,
    "readonly": _cannot_write,
    "permission denied": _cannot_write,
    "is locked": _busy,
    "expecting embedding with dimension": _other_model,
}
_OF_CHROMA: Mapping[int, _Explain] = {409: _busy, 500: _damaged}
_OF_ANY_SERVER: Mapping[int, _Explain] = {
    401: _no_access,
    403: _no_access,
    413: _too_large,
    429: _busy,
    502: _not_well,
    503: _not_well,
    504: _not_well,
}
