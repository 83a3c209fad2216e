"""What is wrong with a Chroma server, its address or its token is told in words, without a secret in them."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import re
import traceback
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from langchain_core.documents import Document

from rag.errors import IndexCorrupt, IndexLocked, IndexMismatch, IndexUnusable, UsageError
from rag.vectors import ServerVectors
from tests.chroma_server import ChromaServer, Reply, Request, gate
from tests.fakes import HashEmbeddings
from tests.ports import free_port

pytestmark = pytest.mark.slow

pytest_plugins = ["tests.chroma_fixtures"]

QUERY = HashEmbeddings().embed_query("grain exports")
GRAIN = Document(id="a", page_content="grain exports", metadata={"text_sha256": "a"})
TOKEN = "tok-0123456789abcdef"
A_DAY = datetime.timedelta(days=1)


def opened(url: str, collection: str = "geobrief", token: str | None = None) -> ServerVectors:
    return ServerVectors(url, HashEmbeddings(), collection=collection, token=token, timeout_s=10)


def guarded(request: Request) -> Reply | None:
    """Let in who shows the token; a careless server, it repeats what it was shown."""
    shown = request.headers.get("x-chroma-token", "nothing")
    if shown == TOKEN:
        return None
    return Reply(401, f'{{"error": "AuthError", "message": "Unauthorized: {shown}"}}'.encode())


def test_who_shows_the_token_is_let_in(chroma: ChromaServer, collection: str) -> None:
    with gate(chroma.port, guarded) as url:
        vectors = opened(url, collection, TOKEN)
        vectors.at(0).add_documents([GRAIN], ids=["a"])
        assert vectors.closest(0, QUERY, k=1) == ["a"]


@pytest.mark.parametrize("wrong", [None, "tok-wrong-9876"])
def test_a_wrong_token_is_told_in_words_and_repeated_nowhere(
    wrong: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with gate(free_port(), guarded) as url:
        vectors = opened(url.replace("//", "//clerk:pa55word@"), token=wrong)
        with pytest.raises(IndexUnusable, match=r"refuses access .*set store\.token to a valid token") as caught:
            vectors.at(0)
    error = caught.value
    told = [str(error), repr(error), repr(vectors), repr(vars(vectors)), repr(vars(vectors._connection)), caplog.text]
    told += traceback.format_exception(error)
    assert "HTTP Request" in caplog.text
    assert not [text for text in told for secret in ("tok-wrong", "pa55word", "Y2xlcms6") if secret in text]
    assert url in str(error)


def test_user_and_password_of_the_address_are_shown_to_the_server(chroma: ChromaServer, collection: str) -> None:
    seen: set[str] = set()

    def note(request: Request) -> None:
        seen.add(request.headers.get("authorization", ""))

    with gate(chroma.port, note) as url:
        assert opened(url.replace("//", "//clerk:p%40ss@"), collection).ids(0) == []
    assert seen == {"Basic Y2xlcms6cEBzcw=="}  # clerk:p@ss


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_may_have_a_path(chroma: ChromaServer, collection: str, end: str) -> None:
    with gate(chroma.port, lambda request: None, prefix="/vectors/chroma") as url:
        vectors = opened(url + end, collection)
        vectors.at(0).add_documents([GRAIN], ids=["a"])
    assert opened(chroma.url, collection).ids(0) == ["a"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that it has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "chroma")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + A_DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert.pem", folder / "key.pem"


def test_https_works_where_the_certificate_is_trusted_and_only_there(
    chroma: ChromaServer, collection: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with gate(chroma.port, lambda request: None, tls=certificate) as url:
        with pytest.raises(IndexUnusable, match=r"certificate .*SSL_CERT_FILE"):
            opened(url, collection).at(0)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        vectors = opened(url, collection, TOKEN)
        vectors.at(0).add_documents([GRAIN], ids=["a"])
        assert vectors.closest(0, QUERY, k=1) == ["a"]


@pytest.mark.parametrize("what", ["tenant", "database"])
def test_a_missing_tenant_or_database_is_named(chroma: ChromaServer, what: str) -> None:
    place = {"tenant": "default_tenant", "database": "default_database", what: "nowhere"}
    vectors = ServerVectors(
        chroma.url, HashEmbeddings(), tenant=place["tenant"], database=place["database"], timeout_s=10
    )
    with pytest.raises(IndexUnusable, match=rf"has no {what} 'nowhere'; make it, or set store\.{what} to another"):
        vectors.at(0)


def test_vectors_of_another_model_are_not_mixed(chroma: ChromaServer, collection: str) -> None:
    opened(chroma.url, collection).at(0).add_documents([GRAIN], ids=["a"])
    with pytest.raises(IndexMismatch, match=r"vectors of another model .*set store\.collection to another"):
        opened(chroma.url, collection).closest(0, [1.0, 0.0], k=1)


NO_CHROMA = "there is no Chroma server with API v2 at"
REPLIES = [
    (Reply(404, b'{"detail":"Not Found"}'), IndexUnusable, NO_CHROMA),
    (Reply(404, b"<html>no", "text/html"), IndexUnusable, NO_CHROMA),
    (Reply(405, b"", "text/plain"), IndexUnusable, NO_CHROMA),
    (Reply(302, b"", "text/plain"), IndexUnusable, NO_CHROMA),
    (Reply(200, b"<html>hello", "text/html"), IndexUnusable, NO_CHROMA),
    (Reply(200, b'{"name": 1}'), IndexUnusable, NO_CHROMA),
    (Reply(200, b"[]"), IndexUnusable, NO_CHROMA),
    (Reply(200, b"null"), IndexUnusable, NO_CHROMA),
    (Reply(410, b'{"error":"Unimplemented","message":"The v1 API"}'), IndexUnusable, "refuses"),
    (Reply(403, b"<html>", "text/html"), IndexUnusable, "set store.token"),
    (Reply(413, b"", "text/html"), IndexUnusable, "lower ingest.batch_chunks"),
    (Reply(429, b'{"error":"RateLimitError","message":"slow down"}'), IndexLocked, "slow down"),
    (Reply(502, b"<html>", "text/html"), IndexUnusable, "a proxy before it, is not well"),
    (Reply(500, b"<html>", "text/html"), IndexUnusable, NO_CHROMA),
    (Reply(500, b'{"error":"InternalError","message":"database is locked"}'), IndexLocked, "busy"),
    (Reply(500, b'{"error":"InternalError","message":"database or disk is full"}'), IndexUnusable, "free space"),
    (Reply(500, b'{"error":"InternalError","message":"hnsw"}'), IndexCorrupt, "geobrief doctor --repair"),
]


@pytest.mark.parametrize(("reply", "kind", "words"), REPLIES)
def test_what_a_server_refuses_is_told_with_its_address_and_a_remedy(
    reply: Reply, kind: type[IndexUnusable], words: str
) -> None:
    with gate(free_port(), lambda request: reply) as url:
        vectors = opened(url)
        with pytest.raises(IndexUnusable, match=re.escape(words)) as caught:
            vectors.ids(0)
        assert type(caught.value) is kind
        assert url in str(caught.value)


def test_what_a_server_says_cannot_act_on_a_terminal_and_is_cut() -> None:
    body = b'{"error":"InternalError","message":"\\u001b[2Jgone\\nTraceback: ' + b"x" * 5000 + b'"}'
    with gate(free_port(), lambda request: Reply(500, body)) as url, pytest.raises(IndexCorrupt) as caught:
        opened(url).at(0)
    said = str(caught.value)
    assert "�[2Jgone Traceback" in said
    assert len(said) < 400
    assert said.isprintable()


ADDRESSES = ["", "chroma:8000", "ftp://chroma", "http://", "http://h:99999", "http://h:0", "http://h /x", "http://[::1"]


@pytest.mark.parametrize(
    "url", [*ADDRESSES, "http://u:pa55word@h:99999", "https://h/?token=pa55word", "//u:pa55word@h"]
)
def test_what_is_no_address_is_refused_without_telling_a_password(url: str) -> None:
    with pytest.raises(
        UsageError, match=r"^store\.url .* is no address of a server; write it as http://host:8000$"
    ) as caught:
        opened(url)
    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize("token", ["tok en", "tok\nX-Admin: 1", "tök", "tok\x00"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_repeated(token: str) -> None:
    with pytest.raises(UsageError, match=r"store\.token") as caught:
        opened("http://127.0.0.1:1", token=token)
    assert token not in str(caught.value)


@pytest.mark.parametrize("name", ["", "ab", "../other", "a/b", "-ab", "ab?", "x" * 513])
def test_what_is_no_name_of_a_collection_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"store\.collection"):
        opened("http://127.0.0.1:1", name)


@pytest.mark.parametrize("name", ["..", "a/b", "a b", "a\n"])
def test_what_is_no_name_of_a_tenant_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"store\.tenant"):
        ServerVectors("http://h", HashEmbeddings(), tenant=name)
