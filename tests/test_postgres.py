"""The catalogue in a real PostgreSQL: what it owes to SQLite's, and what only a server has to withstand."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text, true

from rag.build import open_assistant, open_index
from rag.catalogue import Catalogue, CatalogueWriter
from rag.catalogue import postgres_words as words
from rag.catalogue.database import Database, SqliteInMemory
from rag.catalogue.postgres import PostgresDatabase
from rag.catalogue.schema import chunks, meta
from rag.catalogue.store import generation
from rag.catalogue.words import ChunkWords
from rag.errors import IndexLocked, IndexMismatch, IndexMissing, IndexUnusable, UsageError
from rag.ingest import sync
from rag.lexicon import search_words
from rag.types import Brief, Chunk, Scope
from tests.conftest import Desk
from tests.contracts import check_a_transaction_sees_one_moment
from tests.postgres_server import NEEDS_POSTGRES, PostgresServer

pytestmark = [pytest.mark.slow, NEEDS_POSTGRES]

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus"
ODD_WORDS = ("a_b", "Ünïted", "naïve", "x" * 3000, "北京", "الرئيس", "U", "2024", "the", "co", "_", "__init__", "ﬁre")


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres.database(), create=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def both(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, Desk]:
    """The starter corpus in SQLite and in PostgreSQL."""
    from pydantic import SecretStr

    from rag.settings import CatalogueSettings, Settings
    from tests.fakes import HashEmbeddings

    folder = tmp_path_factory.mktemp("both")
    plain = Settings(index=folder / "sqlite")
    served = Settings(index=folder / "postgres", catalogue=CatalogueSettings(url=SecretStr(postgres.database())))
    desks = Desk(CORPUS, plain, HashEmbeddings()), Desk(CORPUS, served, HashEmbeddings())
    for desk in desks:
        assert not desk.ingest().failed
    return desks


def questions() -> list[str]:
    lines = (ROOT / "evals" / "datasets" / "briefs" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def staged(database: Database, *texts: str) -> None:
    """Stage briefs of one chunk each."""
    for n, body in enumerate(texts):
        brief = Brief(id=f"b{n:04}", title=f"Title {n % 7}", text=body)
        CatalogueWriter(database).stage(brief, [Chunk(0, 0, len(body), "", None, ())], [f"{brief.title}\n{body}"])


# The same words and ranking as SQLite


def test_the_same_chunks_are_found_in_the_same_order_as_in_sqlite(both: tuple[Desk, Desk]) -> None:
    plain, served = (desk.open().catalogue for desk in both)
    asked = questions()
    assert len(asked) > 100
    for question in asked:
        wanted = search_words(question)
        assert served.search(wanted, k=30) == plain.search(wanted, k=30), question
        assert served.mentioning(wanted[:2]) == plain.mentioning(wanted[:2]), question


def test_words_are_cut_as_in_sqlite_however_odd(database: PostgresDatabase) -> None:
    memory = SqliteInMemory(Path("memory/catalogue"))
    chance = random.Random(3)
    bodies = [
        " ".join(chance.choices(ODD_WORDS, k=chance.randint(1, 40))) + " 'quoted' \\back & | ! <->" for _ in range(60)
    ]
    for each in (memory, database):
        staged(each, *bodies)
        with each.writing() as connection:
            connection.execute(text("UPDATE chunks SET embedded_sha256 = NULL"))
    for one in [*ODD_WORDS, "quoted", "back", "nothing"]:
        found = [_ranked(each, [one]) for each in (memory, database)]
        assert found[0] == found[1], one[:20]
        assert _all_of(memory, [one, "2024"]) == _all_of(database, [one, "2024"]), one[:20]


@pytest.mark.parametrize("few", [0, 1, 10, 10_000])
def test_common_words_are_passed_over_only_where_they_change_nothing(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    chance = random.Random(few)
    vocabulary = [f"word{n}" for n in range(40)]
    staged(
        database, *(" ".join(chance.choices(vocabulary, [1 / (n + 1) for n in range(40)], k=30)) for _ in range(150))
    )
    monkeypatch.setattr(words, "FEW_CHUNKS", 10**9)
    asked = [chance.sample(vocabulary, 4) for _ in range(40)]
    whole = [_ranked(database, one, k=10) for one in asked]
    monkeypatch.setattr(words, "FEW_CHUNKS", few)
    assert [_ranked(database, one, k=10) for one in asked] == whole


def test_counts_of_words_follow_what_is_written_and_deleted(database: PostgresDatabase) -> None:
    staged(database, "alpha beta beta", "alpha gamma")
    assert _counts(database, ["alpha", "beta", "gamma"]) == {"alpha": 2, "beta": 1, "gamma": 1}
    with database.writing() as connection:
        ids = list(connection.scalars(select(chunks.c.id).order_by(chunks.c.id)))
        database.words.put(connection, [ChunkWords(ids[0], "", "beta delta")])
    assert _counts(database, ["alpha", "beta", "gamma", "delta"]) == {"alpha": 1, "beta": 1, "gamma": 1, "delta": 1}
    with database.transaction() as connection:
        assert database.words.faults(connection) == []
    CatalogueWriter(database).purge_staged()
    assert _counts(database, ["alpha", "beta", "gamma", "delta"]) == {}
    staged(database, "alpha")
    with database.writing() as connection:
        connection.execute(text("UPDATE term_counts SET n_chunks = 7"))
    with database.transaction() as connection:
        assert database.words.faults(connection)


def test_answers_are_those_of_an_index_with_sqlite(both: tuple[Desk, Desk]) -> None:
    plain, served = (open_assistant(desk.settings, embeddings=desk.embeddings) for desk in both)
    for question in questions()[::12]:
        for scope in (Scope(), Scope(regions=("asia",))):
            mine, other = plain.ask(question, scope=scope), served.ask(question, scope=scope)
            assert mine.text == other.text, question
            assert [c.quote for s in mine.sentences for c in s.citations] == [
                c.quote for s in other.sentences for c in s.citations
            ]
            assert [p.id for p in mine.evidence] == [p.id for p in other.evidence], question


# Writers


def test_a_second_writer_waits_and_is_told_who_holds_the_lock(postgres: PostgresServer) -> None:
    url = postgres.database()
    first, second = PostgresDatabase(url, create=True), PostgresDatabase(url, create=False)
    refused = pytest.raises(IndexLocked, match=r"being written by process \d+ on .* since 20")
    with first.locked(0), refused, second.locked(0.2):
        pass
    waited = threading.Event()

    def write() -> None:
        with second.locked(10):
            waited.set()

    with first.locked(0):
        thread = threading.Thread(target=write)
        thread.start()
        assert not waited.wait(0.4)
    thread.join()
    assert waited.is_set()
    first.close()
    second.close()


def test_another_schema_of_the_database_has_a_lock_and_a_catalogue_of_its_own(postgres: PostgresServer) -> None:
    url = postgres.database()
    first = PostgresDatabase(url, create=True)
    with first.writing() as connection:
        connection.execute(text("CREATE SCHEMA other"))
    other = PostgresDatabase(f"{url}?options=-csearch_path%3Dother", create=True)
    staged(first, "only here")
    with first.locked(0), other.locked(0):
        assert _ranked(first, ["only"])
        assert not _ranked(other, ["only"])
    first.close()
    other.close()


def test_a_writer_that_is_killed_leaves_the_lock_and_a_note(postgres: PostgresServer) -> None:
    url = postgres.database()
    database = PostgresDatabase(url, create=True)
    program = (
        "import sys, time; from rag.catalogue.postgres import PostgresDatabase\n"
        "with PostgresDatabase(sys.argv[1], create=False).locked(0): print('held', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    with writer:
        assert writer.stdout.readline() == "held\n"
        writer.kill()
    with pytest.raises(IndexMismatch), database.locked(5):
        raise IndexMismatch
    with database.locked(0) as cut_short:
        assert cut_short
    with pytest.raises(IndexMismatch), database.locked(0):
        raise IndexMismatch
    with database.locked(0) as cut_short:
        assert not cut_short
    database.close()


def test_a_writer_whose_lock_was_lost_with_its_connection_writes_no_more(postgres: PostgresServer) -> None:
    url = postgres.database()
    first, second = PostgresDatabase(url, create=True), PostgresDatabase(url, create=False)
    lock = first.locked(0)
    lock.__enter__()
    CatalogueWriter(first).touch()
    with second.writing() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"))
    with second.locked(5) as cut_short:
        assert cut_short
        with pytest.raises(IndexLocked, match="lost"):
            CatalogueWriter(first).touch()
        CatalogueWriter(second).touch()
    with pytest.raises(IndexUnusable):
        lock.__exit__(None, None, None)
    with second.transaction() as connection:
        assert generation(connection) == 2
    first.close()
    second.close()


def test_many_may_make_the_tables_at_once(postgres: PostgresServer) -> None:
    url = postgres.database()
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: PostgresDatabase(url, create=True), range(8)))
    with opened[0].transaction() as connection:
        assert connection.scalars(select(meta.c.value).where(meta.c.key == "schema")).all() == ["1"]
    for database in opened:
        database.close()


# Readers


def test_a_new_generation_is_announced_at_once(postgres: PostgresServer) -> None:
    url = postgres.database()
    reader, writer = PostgresDatabase(url, create=True), PostgresDatabase(url, create=False)
    reader.wait_for_change(0)  # begins to listen
    begun = time.monotonic()
    reader.wait_for_change(0.3)
    assert time.monotonic() - begun >= 0.3
    CatalogueWriter(writer).touch()
    begun = time.monotonic()
    reader.wait_for_change(20)
    assert time.monotonic() - begun < 5
    later = threading.Timer(0.3, CatalogueWriter(writer).touch)
    later.start()
    reader.wait_for_change(20)
    assert time.monotonic() - begun < 10
    later.join()
    reader.close()
    writer.close()


def test_a_transaction_sees_one_moment(postgres: PostgresServer) -> None:
    url = postgres.database()
    reader, writer = PostgresDatabase(url, create=True), PostgresDatabase(url, create=False)
    check_a_transaction_sees_one_moment(reader, writer)
    reader.close()
    writer.close()


# What goes wrong


def test_a_server_that_is_away_is_told_without_the_password_and_asked_again_when_it_is_back(
    postgres: PostgresServer,
) -> None:
    url = postgres.database().replace("geobrief@", "geobrief:hush-hush@")
    database = PostgresDatabase(url, create=True)
    database.wait_for_change(0)
    postgres.stop()
    try:
        for work in (lambda: Catalogue(database).generation(), lambda: database.wait_for_change(1)):
            with pytest.raises(IndexUnusable) as caught:
                work()
            assert "127.0.0.1" in str(caught.value)
            assert "hush" not in str(caught.value)
        with pytest.raises(IndexUnusable, match=r"catalogue\.url"):
            PostgresDatabase(url, create=True)
    finally:
        postgres.start()
    assert Catalogue(database).generation() == 0
    database.wait_for_change(0)
    database.close()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("nonsense", UsageError),
        ("mysql://somewhere/x", UsageError),
        ("sqlite:///x.db", UsageError),
        ("postgresql://u:p@host:many/x", UsageError),
        ("postgresql://nobody.invalid/x", IndexUnusable),
    ],
)
def test_an_address_that_leads_nowhere_is_an_error_in_words(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        PostgresDatabase(url, create=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["u:p@hush:w@host/db", "u:p@hush@host:5432/db", "u:p@host/hush@host/db"])
def test_a_password_with_an_at_sign_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(UsageError, match=r"catalogue\.url") as caught:
        PostgresDatabase(f"postgresql://{url}", create=True)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_a_database_without_a_catalogue_is_missing_an_index(postgres: PostgresServer) -> None:
    with pytest.raises(IndexMissing, match="geobrief ingest"):
        PostgresDatabase(postgres.database(), create=False)


def test_a_forgotten_brief_leaves_no_row(desk: Desk, postgres: PostgresServer) -> None:
    from pydantic import SecretStr

    from rag.settings import CatalogueSettings

    settings = desk.settings.model_copy(update={"catalogue": CatalogueSettings(url=SecretStr(postgres.database()))})
    desk.write("a.md", "The xylophone treaty was signed.", title="A")
    desk.write("b.md", "Something else was signed.", title="B")
    index = open_index(settings, create=True, embeddings=desk.embeddings)
    assert not sync(index, [desk.corpus]).failed
    with index.writing(timeout_s=1) as writer:
        assert writer.forget("a")
    with index.catalogue.database.transaction() as connection:
        tables = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()")
        ).all()
        rows = [row for name in tables for row in connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars()]
    assert rows
    assert not [row for row in rows if "xylophon" in row.lower()]


def _ranked(database: Database, asked: Sequence[str], *, k: int = 30) -> list[str]:
    """Chunks that hold a word, best first; every staged text counts."""
    versions = (
        "INSERT INTO versions(brief_id, text_id, source_path, source_sha256, metadata, ingested_at) "
        "SELECT brief_id, id, '', '', '{}', '' FROM texts WHERE id NOT IN (SELECT text_id FROM versions)"
    )
    with database.writing() as connection:
        connection.execute(text(versions))
        return list(database.words.ranked(connection, asked, among=true(), k=k))


def _all_of(database: Database, asked: Sequence[str]) -> list[int]:
    with database.transaction() as connection:
        mine = select(database.words.key).select_from(database.words.contents)
        return sorted(connection.scalars(mine.where(database.words.having_all(asked))))


def _counts(database: Database, stems: Sequence[str]) -> dict[str, int]:
    with database.transaction() as connection:
        return database.words.frequencies(connection, stems)
