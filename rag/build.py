"""Settings to a working index or assistant: the composition root, which with `rag.places` alone chooses vendors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from rag.answer import Identities
from rag.catalogue import Catalogue, as_known_at, in_utc
from rag.doctor import recover
from rag.embedding import SentenceTransformerEmbeddings, model_from
from rag.index import Index
from rag.places import open_catalogue, open_vectors
from rag.settings import ReaderSettings, Settings, load_settings
from rag.split import SPLITTER, CountTokens, chunk_header, split
from rag.types import Brief, Chunk

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.compose import BesideReader
    from rag.ingest import SyncLimits
    from rag.measure import Scorers
    from rag.read import SignalReader
    from rag.retrieve import HybridRetriever
    from rag.understand import Understanding
    from rag.verify import Verifier
    from rag.write import Writer

KEPT_PASTS = 4
"""Moments of the past for which a copy of the catalogue is kept."""
WARM_UP_QUESTIONS = 3
"""Questions read at start: torch prepares its kernels anew for most lengths of input."""
CHARS_PER_TOKEN = 3
"""For embeddings that cannot count tokens: English has four to five, other scripts fewer."""


def open_embeddings(settings: Settings) -> Embeddings:
    """Return the embedding model of the settings; its weights load on first use.

    Raises:
        UsageError: if it is not on this machine and may not be downloaded.
    """
    chosen = settings.embedding
    if ":" in chosen.model and not Path(chosen.model).exists():
        return model_from(chosen.model, Embeddings)  # type: ignore[type-abstract]
    return SentenceTransformerEmbeddings(
        chosen.model, dtype=chosen.dtype, batch_size=chosen.batch_size, allow_download=chosen.allow_download
    )


def open_index(
    settings: Settings | None = None, *, create: bool = False, embeddings: Embeddings | None = None
) -> Index:
    """Open the index of the settings.

    Args:
        create: make it where there is none, and bring its schema up to date.
        embeddings: instead of the model of the settings.

    Raises:
        IndexMissing: if there is none and `create` is off.
        IndexUnusable: if it is damaged, cannot be reached, or its folder cannot be made.
    """
    settings = settings or load_settings()
    catalogue, lock = open_catalogue(settings, create=create)
    model = embeddings or open_embeddings(settings)
    count = token_counter(model)
    max_tokens = settings.split.max_tokens

    def chunks(brief: Brief) -> Sequence[Chunk]:
        return split(brief, count_tokens=count, max_tokens=max_tokens)

    @lru_cache(maxsize=1024)
    def header(title: str, heading: str) -> str:
        return chunk_header(title, heading, count_tokens=count)

    def embedded(brief: Brief, chunk: Chunk) -> str:
        return "\n".join(filter(None, (header(brief.title, chunk.heading), brief.text[chunk.start : chunk.end])))

    return Index(
        catalogue=catalogue,
        lock=lock,
        connect=lambda: open_vectors(settings, model, catalogue),
        split=chunks,
        embedded=embedded,
        identity=index_identity(settings, model),
        recover=recover,
        batch_chunks=settings.ingest.batch_chunks,
    )


def open_retriever(
    index: Index, settings: Settings, embeddings: Embeddings, *, known_at: datetime | None = None
) -> HybridRetriever:
    """Return the hybrid retriever over an index, or over what had been ingested by a moment."""
    from rag.lexicon import search_words
    from rag.retrieve import HybridRetriever

    chosen = settings.retrieve
    return HybridRetriever(
        catalogue=as_known_at(index.catalogue, known_at) if known_at else index.catalogue,
        steady=known_at is not None,
        closest=lambda *query, k: index.vectors.closest(*query, k=k),
        exact=lambda *query, k: index.vectors.exact(*query, k=k),
        embeddings=embeddings,
        words=search_words,
        fetch_k=chosen.fetch_k,
        top_k=chosen.top_k,
        rrf_k=chosen.rrf_k,
    )


def open_assistant(
    settings: Settings | None = None, *, index: Path | str | None = None, embeddings: Embeddings | None = None
) -> Assistant:
    """Open an index for questions. Thread-safe; opens nothing on the network.

    Args:
        settings: as `load_settings` reads them, if not given.
        index: folder of the index, instead of that of the settings.
        embeddings: instead of the model of the settings.

    Raises:
        UsageError: if a setting is wrong.
        IndexMissing: if there is no index.
        IndexMismatch: if it was made with another model or splitter.
        IndexUnusable: if it is damaged.
    """
    from rag.assistant import Assistant

    settings = settings or load_settings()
    if index is not None:
        settings = settings.model_copy(update={"index": Path(index)})
    model = embeddings or open_embeddings(settings)
    opened = open_index(settings, embeddings=model)
    opened.check_identity()
    scorers = open_scorers(settings, model)
    writer = open_writer(settings)
    retriever = open_retriever(opened, settings, model)
    chosen = settings.answer
    present = Assistant(
        understanding=_understanding(opened.catalogue, settings, writer),
        retriever=retriever,
        reader=_reader(opened.catalogue, settings, scorers),
        catalogue=opened.catalogue,
        verifier=open_verifier(settings),
        writer=writer,
        beside=_beside(settings, scorers),
        identities=_identities(opened, settings, model, scorers),
        threshold=chosen.threshold,
        max_sentences=chosen.max_sentences,
        max_question_chars=chosen.max_question_chars,
    )

    @_one_at_a_time
    @lru_cache(maxsize=KEPT_PASTS)
    def known(moment: datetime, generation: int) -> Assistant:
        past = open_retriever(opened, settings, model, known_at=moment)
        understanding = _understanding(past.catalogue, settings, writer)
        return replace(
            present,
            understanding=replace(understanding, today=lambda: moment.astimezone().date()),
            retriever=past,
            reader=_reader(past.catalogue, settings, scorers),
            catalogue=past.catalogue,
        )

    return replace(present, past=lambda moment: known(in_utc(moment), opened.catalogue.generation()))


def _one_at_a_time(make: Callable[[datetime, int], Assistant]) -> Callable[[datetime, int], Assistant]:
    """Let threads that ask of one moment at once wait for one copy, instead of making one each."""
    making = threading.Lock()

    def made(moment: datetime, generation: int) -> Assistant:
        with making:
            return make(moment, generation)

    return made


def _identities(opened: Index, settings: Settings, model: Embeddings, scorers: Scorers) -> Identities:
    from rag.signal_weights import HEAD

    return Identities(
        embedding=opened.identity["embedding"],
        reader="+".join([HEAD, *(model_name(each) for each in (scorers.reader, scorers.closer) if each)]),
        dtype=str(getattr(model, "dtype", "float32")),
        settings_digest=settings.digest(),
    )


def _understanding(catalogue: Catalogue, settings: Settings, writer: Writer | None) -> Understanding:
    from rag.overview import Overview
    from rag.rewrite_by_model import Rewriter
    from rag.understand import Understanding

    overview = Overview(catalogue, settings.answer.max_sentences)
    understanding = Understanding(catalogue, overview, settings.embedding.languages)
    if writer is None:
        return understanding
    return replace(understanding, rewrite=Rewriter(writer.model, writer.name), languages=())


def _reader(catalogue: Catalogue, settings: Settings, scorers: Scorers) -> SignalReader:
    from rag.read import SignalReader
    from rag.recency import NewestFirst

    chosen = settings.answer
    newest = NewestFirst(chosen.newest_weight, chosen.newest_half_life_days)
    return SignalReader(scorers, catalogue.document_frequency, chosen.max_units, newest, chosen.max_tokens)


def open_scorers(settings: Settings, embeddings: Embeddings) -> Scorers:
    """Return the models that read questions and sentences; their weights load on first use.

    Words are compared by the index's embeddings where these give the vectors of tokens, else by the packaged ones.

    Raises:
        UsageError: if one is not on this machine and may not be downloaded.
        ModelUnusable: if the packaged one is damaged.
    """
    from rag.cross_encoder import WORDS_OF, open_cross_encoder
    from rag.measure import Scorers
    from rag.token_match import TokenEmbeddings, TokenScorer

    chosen = settings.reader
    open_reader = partial(open_cross_encoder, dtype=chosen.dtype, allow_download=chosen.allow_download)
    reader = open_reader(chosen.model, "reader")
    closer = _closer(chosen)
    packaged = SentenceTransformerEmbeddings(WORDS_OF, dtype=chosen.dtype)
    scorer = TokenScorer(embeddings if isinstance(embeddings, TokenEmbeddings) else packaged)
    return Scorers(scorer, reader, scorer, open_reader(closer, "closer") if closer else None)


def _closer(chosen: ReaderSettings) -> str | None:
    """Return what to open as the closer reader, or None."""
    from rag.cross_encoder import PACKAGED_MODEL

    if chosen.closer == "auto":
        return PACKAGED_MODEL if chosen.model == PACKAGED_MODEL else None
    return None if chosen.closer == "none" else chosen.closer


def _beside(settings: Settings, scorers: Scorers) -> BesideReader | None:
    """Return the reader if it is the packaged one, which alone has learnt what stands beside an answer."""
    from rag.cross_encoder import PACKAGED_MODEL, PackagedCrossEncoder

    if settings.reader.model == PACKAGED_MODEL and isinstance(scorers.reader, PackagedCrossEncoder):
        return scorers.reader
    return None


def open_verifier(settings: Settings) -> Verifier:
    """Return what checks sentences against their sources. Raises as `open_scorers` does."""
    from rag.cross_encoder import open_cross_encoder
    from rag.verify import Verifier

    chosen = settings.verifier
    model = open_cross_encoder(
        chosen.model, "verifier", dtype=chosen.dtype, allow_download=chosen.allow_download, section="verifier"
    )
    return Verifier(model, chosen.threshold, chosen.max_unsaid)


def open_writer(settings: Settings) -> Writer | None:
    """Return what writes answers, or None where the settings name no LLM. Nothing is loaded or called yet.

    Raises:
        UsageError: if the model's package is missing, or its name is none.
    """
    from rag.llm import llm_name, open_chat_model
    from rag.write import Writer

    chosen = settings.llm
    if not chosen.model:
        return None
    priced = chosen.price_in is not None and chosen.price_out is not None
    prices = (chosen.price_in or 0.0, chosen.price_out or 0.0) if priced else None
    return Writer(open_chat_model(chosen), llm_name(chosen.model), prices, chosen.timeout_s)


def sync_limits(settings: Settings, *, lock_timeout_s: float | None = None) -> SyncLimits:
    """Return the limits of an ingest as the settings have them, but for the wait when one is given."""
    from rag.ingest import SyncLimits

    chosen = settings.ingest
    wait_s = chosen.lock_timeout_s if lock_timeout_s is None else lock_timeout_s
    return SyncLimits(max_bytes=chosen.max_bytes, lock_timeout_s=wait_s, languages=settings.embedding.languages)


def warm_up(assistant: Assistant) -> None:
    """Load models and vectors now, so that the first question is as fast as the next. Asks no LLM."""
    titles = [row.title for row in assistant.catalogue.briefs()[:WARM_UP_QUESTIONS]]
    for question in titles or ["warm up"]:
        assistant.reader.read(question, assistant.retriever.search(question))


def token_counter(embeddings: Embeddings) -> CountTokens:
    """Return the model's own token count, or an estimate from characters when it has none."""
    own: CountTokens | None = getattr(embeddings, "count_tokens", None)
    return own or (lambda texts: [-(-len(text) // CHARS_PER_TOKEN) for text in texts])


def index_identity(settings: Settings, embeddings: Embeddings) -> Mapping[str, str]:
    """Return what an index records of the model and the splitter that make it."""
    name = model_name(embeddings)
    dimension = getattr(embeddings, "dimension", None)
    known = {"embedding": name, "splitter": f"{SPLITTER}/{settings.split.max_tokens}"}
    return known if dimension is None else {**known, "dimension": str(dimension)}


def model_name(model: object) -> str:
    """Return what names a model in records: its identity, or its class."""
    return str(getattr(model, "identity", f"{type(model).__module__}.{type(model).__qualname__}"))
