"""Settings in small sections. Precedence: flag, `GEOBRIEF_SECTION__KEY`, `geobrief.toml`, default.

An unknown key is an error, so that a misspelt one never passes in silence. An empty variable counts as none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from rag.errors import UsageError
from rag.signal_weights import SUPPORT_THRESHOLD, THRESHOLD

DEFAULT_CONFIG = Path("geobrief.toml")
PREFIX = "GEOBRIEF_"
OTHER_VARIABLES = frozenset(["data"])
"""Variables with the prefix that are no setting: GEOBRIEF_DATA is where benchmarks find their data."""


class Section(BaseModel):
    """Base of the sections: closed, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CatalogueSettings(Section):
    """Where the catalogue lies.

    Attributes:
        url: of a PostgreSQL database, as `postgresql://user:password@host:5432/database`; else a file in the index.
    """

    url: SecretStr | None = None


class StoreSettings(Section):
    """Where the vectors lie.

    Attributes:
        url: of a Chroma server, such as `http://chroma:8000`; else a folder in the index.
        collection: of this index on that server; one of its own, without.
        tenant: as the server knows it; its own default without.
        database: likewise.
        token: sent as `x-chroma-token`.
        timeout_s: longest wait for any byte of an answer.
    """

    url: SecretStr | None = None
    collection: str | None = None
    tenant: str | None = None
    database: str | None = None
    token: SecretStr | None = None
    timeout_s: float = Field(default=30.0, gt=0)


class EmbeddingSettings(Section):
    """Which model turns text into vectors.

    Attributes:
        model: a sentence-transformers name or folder, or `module:factory` for any langchain `Embeddings`.
        dtype: `auto` takes bfloat16 where the CPU computes it natively, float32 elsewhere.
        allow_download: whether a model that is not on this machine may be fetched from the hub.
        languages: ISO 639-1 codes that the model knows; other briefs are indexed with a warning.
    """

    model: str = "all-MiniLM-L6-v2"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    batch_size: int = Field(default=32, ge=1)
    allow_download: bool = False
    languages: tuple[str, ...] = ("en",)


class SplitSettings(Section):
    """How briefs are cut; part of the index's identity."""

    max_tokens: int = Field(default=200, ge=16, le=4000)


class IngestSettings(Section):
    """Limits of ingest.

    Attributes:
        max_bytes: larger files fail.
        lock_timeout_s: how long a second writer waits for the first.
        batch_chunks: chunks embedded together; longer batches pad less, shorter ones commit sooner.
    """

    max_bytes: int = Field(default=50_000_000, ge=1)
    lock_timeout_s: float = Field(default=30.0, ge=0)
    batch_chunks: int = Field(default=512, ge=1)


class RetrieveSettings(Section):
    """How passages are found.

    Attributes:
        fetch_k: length of each ranked list before fusion.
        top_k: passages kept after fusion.
        rrf_k: constant of reciprocal rank fusion.
    """

    fetch_k: int = Field(default=30, ge=1)
    top_k: int = Field(default=10, ge=1)
    rrf_k: int = Field(default=60, ge=1)


class ReaderSettings(Section):
    """Which cross-encoder reads (question, sentence) pairs.

    Attributes:
        model: `packaged`; a cross-encoder of the sentence-transformers library by folder or hub name, such as
            `cross-encoder/ms-marco-MiniLM-L6-v2`; `module:factory` for any langchain `BaseCrossEncoder`.
            The weights of the signals are fitted for the packaged ones (`evals.training.head.fit --reader FOLDER
            --closer FOLDER`).
        closer: a larger one, named as `model` is, that reads again the sentences that come first by all signals; `auto`
            is the packaged one beside the packaged reader and none beside another; `none` is faster, and puts what
            the reader says in its place, for which no weights are fitted (DECISIONS.md, 88).
        dtype: as for embeddings.
        allow_download: as for embeddings.
    """

    model: str = "packaged"
    closer: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    allow_download: bool = False


class VerifierSettings(Section):
    """Which cross-encoder checks (sentence, source) pairs, as for the reader, and how sure it must be.

    Attributes:
        threshold: probability that the source bears a sentence out below which it is rejected, in [0, 1].
        max_unsaid: share of a sentence's words that its source does not hold above which it is rejected, in [0, 1];
            1 leaves it to the model, which lets a model that words things freely say more, and invent more.
    """

    model: str = "packaged"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    allow_download: bool = False
    threshold: float = Field(default=SUPPORT_THRESHOLD, ge=0, le=1)
    max_unsaid: float = Field(default=0.3, ge=0, le=1)


class AnswerSettings(Section):
    """How an answer is composed.

    Attributes:
        threshold: probability that anything answers below which the corpus is said not to, in [0, 1].
        max_units: sentences read per question; each costs about 5 ms on two cores.
        max_tokens: of these sentences with their contexts, together.
        max_question_chars: longer questions are refused.
        newest_weight: how strongly "now" and "latest" prefer the newest brief, in log-odds; 0 does not.
        newest_half_life_days: age, counted from the newest brief found, at which half of that is left.
    """

    threshold: float = Field(default=THRESHOLD, ge=0, le=1)
    max_sentences: int = Field(default=5, ge=1)
    max_units: int = Field(default=24, ge=1)
    max_tokens: int = Field(default=2048, ge=1)
    max_question_chars: int = Field(default=4000, ge=1)
    newest_weight: float = Field(default=2.0, ge=0)
    newest_half_life_days: float = Field(default=180.0, gt=0)


class LlmSettings(Section):
    """An LLM that may write answers over the evidence; none by default. No sentence of its is shown unproved.

    Attributes:
        model: `provider:name` as langchain's `init_chat_model` takes it, such as `ollama:llama3.2`; `gguf:PATH` of a
            file that runs in this process; `module:factory` for any langchain `BaseChatModel`. Keys are read from the
            environment, as the provider's package says.
        base_url: of an endpoint that speaks a provider's protocol, such as vLLM
            or llama.cpp's server for `openai:NAME`.
        timeout_s: longest time that a reply may take.
        max_retries: how often a refused request is tried again, with growing pauses.
        n_ctx: longest prompt and reply together, in tokens, for a `gguf:` model.
        price_in: of a million tokens of prompt, in any currency; with `price_out`, of reply, answers tell their cost.
    """

    model: str | None = None
    base_url: str | None = None
    timeout_s: float = Field(default=60.0, gt=0)
    max_retries: int = Field(default=2, ge=0)
    max_tokens: int = Field(default=300, ge=16)
    temperature: float = Field(default=0.0, ge=0)
    n_ctx: int = Field(default=4096, ge=512)
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)


class Settings(BaseSettings):
    """All settings of geobrief; `index` is the folder that holds catalogue and vectors, uploads and conversations."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    index: Path = Path(".geobrief")
    catalogue: CatalogueSettings = CatalogueSettings()
    store: StoreSettings = StoreSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    split: SplitSettings = SplitSettings()
    ingest: IngestSettings = IngestSettings()
    retrieve: RetrieveSettings = RetrieveSettings()
    reader: ReaderSettings = ReaderSettings()
    verifier: VerifierSettings = VerifierSettings()
    answer: AnswerSettings = AnswerSettings()
    llm: LlmSettings = LlmSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put flags before the environment, and the environment before the file."""
        toml = TomlConfigSettingsSource(settings_cls, settings_cls.model_config.get("toml_file"))
        return init_settings, env_settings, toml

    @property
    def folder(self) -> Path:
        """The index's folder as a whole path; it also holds uploads, conversations and reports."""
        return self.index.expanduser().resolve()

    def without_user(self) -> Settings:
        """Return the settings with neither user nor password in the address of the LLM."""
        address = re.sub(r"//[^/?#]*@", "//", self.llm.base_url or "") or None
        return self.model_copy(update={"llm": self.llm.model_copy(update={"base_url": address})})

    def digest(self) -> str:
        """Digest of everything that can change an answer: all settings but the index's place and passwords."""
        told = self.without_user().model_dump_json(exclude={"index", "catalogue", "store"})
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def load_settings(config: Path | None = None, **flags: Any) -> Settings:
    """Read settings from flags, environment and file; flags that are None do not count.

    Raises:
        UsageError: if a value is wrong, a key unknown, or `config` names no readable file.
    """
    if config is not None and not config.is_file():
        raise UsageError(f"settings file {str(config)!r} does not exist; name another with --config")
    _check_environment()
    path = config or DEFAULT_CONFIG
    chosen = type("Settings", (Settings,), {"model_config": {**Settings.model_config, "toml_file": path}})
    try:
        settings: Settings = chosen(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UsageError(f"settings are wrong: {problems}") from error
    except (ValueError, OSError) as error:
        raise UsageError(f"settings file {str(path)!r} cannot be read: {error}") from error
    return settings


def _check_environment() -> None:
    """Refuse variables that name no setting, which pydantic-settings passes over in silence, or cannot be read."""
    for name, value in sorted(os.environ.items()):
        section, *keys = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or section in OTHER_VARIABLES:
            continue
        if section not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            raise UsageError(f"settings are wrong: {name} names no setting; the first part is one of {known}")
        holder = Settings.model_fields[section].annotation
        if not (isinstance(holder, type) and issubclass(holder, Section)):
            if keys:
                raise UsageError(f"settings are wrong: {name} names no setting; write {PREFIX}{section.upper()}")
        elif value and not keys:
            _check_json(name, value, dict, f"write {name}__KEY for one setting, or a JSON object of them")
        elif value and keys[0] in holder.model_fields and get_origin(holder.model_fields[keys[0]].annotation) is tuple:
            _check_json(name, value, list, 'write a JSON list, such as ["en", "de"]')


def _check_json(name: str, value: str, kind: type, form: str) -> None:
    try:
        is_right = isinstance(json.loads(value), kind)
    except ValueError:
        is_right = False
    if not is_right:
        raise UsageError(f"settings are wrong: {name} is not of the right form; {form}")
