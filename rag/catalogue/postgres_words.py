"""Full-text search in PostgreSQL, with the words and the ranking of SQLite's FTS5.

PostgreSQL's own parsers and ranking know other words and no inverse document frequency, so that the same question would
find other passages there. So FTS5 itself, in memory, tells the words of a chunk; a `tsvector` with a GIN index holds
them; and BM25 is computed from counts that are kept beside it.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import sqlalchemy
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSQUERY, TSVECTOR, insert

from rag.catalogue.fts5 import TOKENIZER
from rag.catalogue.schema import String, chunks, versions
from rag.catalogue.words import ChunkWords

K1, B = 1.2, 0.75
"""Constants of BM25, as FTS5 has them."""
LEAST_RARITY = 1e-6
"""FTS5's floor of a word's inverse document frequency."""
FEW_CHUNKS = 5000
"""Chunks that are ranked first: those with the rarest words. The others follow where they could be better."""
MAX_TERM_CHARS = 400
"""PostgreSQL holds words of up to 2,046 bytes."""
MAX_POSITION = 16383
COLUMN_GAP = 8
"""Positions between header and body, so that no phrase spans both."""
MOST_TIMES = 60
"""Occurrences of a word in a chunk that are told apart; more weigh as this many (1 % less)."""

tables = MetaData()

chunk_words = Table(
    "chunk_words",
    tables,
    Column("id", Integer, ForeignKey(chunks.c.id), primary_key=True, autoincrement=False),
    Column("header", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("terms", TSVECTOR, nullable=False),
    Column("n_terms", Integer, nullable=False),
    Index("chunk_words_by_term", "terms", postgresql_using="gin"),
)

term_counts = Table(
    "term_counts",
    tables,
    Column("term", String, primary_key=True),
    Column("n_chunks", Integer, nullable=False),
)

word_totals = Table(
    "word_totals",
    tables,
    Column("n_chunks", BigInteger, nullable=False),
    Column("n_terms", BigInteger, nullable=False),
)


class PostgresWords:
    """The words of chunks in a table of `tsvector`. Safe for threads."""

    contents = chunk_words
    key: ColumnElement[int] = chunk_words.c.id

    def __init__(self) -> None:
        self._analyser = _Analyser()

    def create(self, connection: Connection) -> None:
        """Make the tables."""
        tables.create_all(connection)
        # Rows that lie in pieces elsewhere took two thirds again as long to rank.
        connection.execute(text(f"ALTER TABLE {chunk_words.name} SET (toast_tuple_target = 8160)"))
        connection.execute(word_totals.insert().values(n_chunks=0, n_terms=0))

    def put(self, connection: Connection, rows: Sequence[ChunkWords]) -> None:
        """Write the words of chunks, instead of those they had."""
        self.drop(connection, [row.id for row in rows])
        if not rows:
            return
        counts: Counter[str] = Counter()
        values: list[dict[str, Any]] = []
        for row, places in zip(rows, self._analyser.places(rows), strict=True):
            counts.update(places.keys())
            n_terms = sum(map(len, places.values()))
            values.append(
                {"id": row.id, "header": row.header, "body": row.body, "terms": _vector(places), "n_terms": n_terms}
            )
        connection.execute(chunk_words.insert(), values)
        _raise_counts(connection, counts)
        _add_to_totals(connection, len(rows), sum(value["n_terms"] for value in values))

    def drop(self, connection: Connection, ids: Sequence[int]) -> None:
        """Delete the words of chunks, if they have any."""
        mine = chunk_words.c.id == func.any(bindparam("ids", list(ids), type_=ARRAY(Integer)))
        gone = connection.execute(chunk_words.delete().where(mine).returning(_lexemes(), chunk_words.c.n_terms)).all()
        if not gone:
            return
        counts = Counter(term for row in gone for term in row[0])
        fallen = term_counts.c.n_chunks - bindparam("fewer")
        statement = term_counts.update().where(term_counts.c.term == bindparam("which")).values(n_chunks=fallen)
        connection.execute(statement, [{"which": term, "fewer": n} for term, n in sorted(counts.items())])
        connection.execute(term_counts.delete().where(term_counts.c.n_chunks <= 0))
        _add_to_totals(connection, -len(gone), -sum(row.n_terms for row in gone))

    def having_all(self, words: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition that a row of `contents` holds all these words."""
        each = self._analyser.terms(words)
        return _holds(" & ".join(map(_phrase, each))) if all(each) else false()

    def ranked(
        self, connection: Connection, words: Sequence[str], *, among: ColumnElement[bool], k: int
    ) -> tuple[str, ...]:
        """Return the ids of the `k` best chunks that hold any of the words. Source: BM25 as FTS5's bm25() has it.

        Exact, though chunks with only common words are ranked only where they could come among the best
        (Turtle & Flood 1995, max-score).
        """
        wanted = Counter(term for parts in self._analyser.terms(words) for term in parts)
        counts = self.frequencies(connection, list(wanted))
        totals = connection.execute(select(word_totals)).one()
        rarest = sorted(counts, key=lambda term: (counts[term], term))
        if not rarest:
            return ()
        rarity = {term: wanted[term] * _rarity(totals.n_chunks, counts[term]) for term in rarest}
        score = _score(rarity, totals.n_terms / max(1, totals.n_chunks))
        cumulated = list(accumulate(counts[term] for term in rarest))
        few = max(1, len([n for n in cumulated if n <= FEW_CHUNKS]))
        best = _best(connection, rarest[:few], score, among, k)
        # What a chunk can score at most that holds none but the terms from the nth on.
        unseen = [sum(rarity[term] * (K1 + 1) for term in rarest[n:]) for n in range(len(rarest) + 1)]
        least = best[-1][1] if len(best) == k else 0.0
        needed = next(n for n in range(few, len(rarest) + 1) if n == len(rarest) or unseen[n] < least)
        if needed > few:
            best = _best(connection, rarest[:needed], score, among, k)
        return tuple(chunk_id for chunk_id, _ in best)

    def frequencies(self, connection: Connection, stems: Sequence[str]) -> dict[str, int]:
        """Return in how many chunks each stem occurs; one that occurs in none is left out."""
        statement = select(term_counts).where(term_counts.c.term.in_([stem[:MAX_TERM_CHARS] for stem in stems]))
        return {row.term: row.n_chunks for row in connection.execute(statement)}

    def optimize(self, connection: Connection) -> None:
        """Leave it to `VACUUM`, which cannot run in a transaction."""

    def faults(self, connection: Connection) -> list[str]:
        """Compare the counts of words with the words themselves."""
        held = select(func.unnest(_lexemes()).label("term")).subquery()
        counted = select(held.c.term, func.count().label("n")).group_by(held.c.term).subquery()
        both = counted.join(term_counts, counted.c.term == term_counts.c.term, full=True)
        differs = counted.c.n.is_distinct_from(term_counts.c.n_chunks)
        wrong = connection.scalar(select(func.count()).select_from(both).where(differs)) or 0
        sums = select(func.count(), func.coalesce(func.sum(chunk_words.c.n_terms), 0)).select_from(chunk_words)
        same = tuple(connection.execute(sums).one()) == tuple(connection.execute(select(word_totals)).one())
        return [] if same and not wrong else [f"the counts of {wrong} words in the catalogue are wrong"]


class _Analyser:
    """Cuts text into words as FTS5 does: FTS5 in memory, which keeps nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = sqlite3.connect(":memory:", check_same_thread=False)
        self._held.execute(f"CREATE VIRTUAL TABLE t USING fts5(header, body, content='', tokenize='{TOKENIZER}')")
        self._held.execute("CREATE VIRTUAL TABLE v USING fts5vocab(t, instance)")

    def places(self, rows: Sequence[ChunkWords]) -> list[dict[str, list[int]]]:
        """Return for each row its terms with their positions, those of the body after those of the header."""
        found: list[dict[str, list[int]]] = [defaultdict(list) for _ in rows]
        ends = [0] * len(rows)
        with self._lock:
            texts = [(n, row.header, row.body) for n, row in enumerate(rows)]
            self._held.executemany("INSERT INTO t(rowid, header, body) VALUES (?, ?, ?)", texts)
            instances = self._held.execute("SELECT term, doc, col, offset FROM v").fetchall()
            self._held.execute("INSERT INTO t(t) VALUES ('delete-all')")
        for _, n, column, offset in instances:
            if column == "header":
                ends[n] = max(ends[n], offset + 1)
        for term, n, column, offset in instances:
            place = offset + 1 if column == "header" else ends[n] + COLUMN_GAP + offset + 1
            found[n][term[:MAX_TERM_CHARS]].append(min(place, MAX_POSITION))
        return found

    def terms(self, words: Sequence[str]) -> list[list[str]]:
        """Return the terms of each word, in their order: mostly one; none of a word without letter or digit."""
        each = self.places([ChunkWords(n, "", word) for n, word in enumerate(words)])
        ordered = [sorted((place, term) for term, places in found.items() for place in places) for found in each]
        return [[term for _, term in pairs] for pairs in ordered]


def _vector(places: Mapping[str, Sequence[int]]) -> str:
    """Return terms with positions as PostgreSQL writes a `tsvector`."""
    return " ".join(f"{_quoted(term)}:{','.join(map(str, positions))}" for term, positions in places.items())


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _phrase(terms: Sequence[str]) -> str:
    return f"({' <-> '.join(map(_quoted, terms))})"


def _holds(query: str) -> ColumnElement[bool]:
    return chunk_words.c.terms.op("@@", return_type=sqlalchemy.Boolean())(cast(query, TSQUERY))


def _lexemes() -> ColumnElement[Sequence[str]]:
    return func.tsvector_to_array(chunk_words.c.terms, type_=ARRAY(Text))


def _raise_counts(connection: Connection, by: Mapping[str, int]) -> None:
    """Add to the counts of terms, in one statement."""
    terms = func.unnest(bindparam("terms", list(by), type_=ARRAY(Text)))
    numbers = func.unnest(bindparam("numbers", list(by.values()), type_=ARRAY(Integer)))
    added = insert(term_counts).from_select(["term", "n_chunks"], select(terms, numbers))
    raised = {"n_chunks": term_counts.c.n_chunks + added.excluded.n_chunks}
    connection.execute(added.on_conflict_do_update(index_elements=["term"], set_=raised))


def _add_to_totals(connection: Connection, n_chunks: int, n_terms: int) -> None:
    columns = word_totals.c
    connection.execute(
        word_totals.update().values(n_chunks=columns.n_chunks + n_chunks, n_terms=columns.n_terms + n_terms)
    )


def _best(
    connection: Connection, terms: Sequence[str], score: ColumnElement[float], among: ColumnElement[bool], k: int
) -> list[tuple[str, float]]:
    """Return the best chunks that hold any of the terms, with their scores."""
    statement = (
        select(chunks.c.chunk_id, score.label("score"))
        .select_from(chunk_words)
        .join(chunks, chunks.c.id == chunk_words.c.id)
        .join(versions, versions.c.text_id == chunks.c.text_id)
        .where(_holds(" | ".join(map(_quoted, terms))), among)
        .order_by(text("score DESC"), chunks.c.chunk_id)
        .limit(k)
    )
    return [(row.chunk_id, row.score) for row in connection.execute(statement)]


def _rarity(n_chunks: int, count: int) -> float:
    return max(math.log((n_chunks - count + 0.5) / (count + 0.5)), LEAST_RARITY) if count < n_chunks else LEAST_RARITY


def _score(rarity: Mapping[str, float], mean_terms: float) -> ColumnElement[float]:
    """Return the expression of a chunk's BM25, as a sum over terms."""
    longer = K1 * (1 - B) + chunk_words.c.n_terms * (K1 * B / max(mean_terms, 1.0))
    total: ColumnElement[float] = literal(0.0, Float)
    for term, weight in rarity.items():
        times = _times(term)
        total = total + case((times > 0, weight * times * (K1 + 1) / (times + longer)), else_=0.0)
    return total


def _times(term: str) -> ColumnElement[float]:
    """Return the expression of how often a term stands in a chunk.

    PostgreSQL has no function for it, but one that grows with it: `ts_rank` of a single term, with all weights 1, is
    the sum of 1 / i^2 over its occurrences, times 6 / pi^2.
    """
    sums = list(accumulate(1 / i**2 for i in range(1, MOST_TIMES + 1)))
    between = [0.0, *sums]
    limits = [(low + high) / 2 * 6 / math.pi**2 for low, high in zip(between, sums, strict=False)]
    rank = func.ts_rank(cast([1.0] * 4, ARRAY(REAL)), chunk_words.c.terms, cast(_quoted(term), TSQUERY))
    return cast(func.width_bucket(rank, cast(limits, ARRAY(REAL))), Float)
