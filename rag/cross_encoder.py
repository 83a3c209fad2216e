"""Cross-encoders: those that are packaged, and any of the sentence-transformers library.

The packaged ones keep all weights but the word embeddings, which are the packaged embedding model's unless they have
their own. All their weights are checked by digest before they are used.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.cross_encoders import BaseCrossEncoder

from rag.embedding import PACKAGED, model_from, native_dtype, resolve_model, whole_tokenizer
from rag.errors import ModelUnusable
from rag.signals import CONTEXT

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from rag.encoder import CrossEncoder, Room

WORDS_OF = "all-MiniLM-L6-v2"
OTHERWISE = "said otherwise: "
"""Opens a question that asks for another account than a quoted one, which then stands in the place of the context."""
FURTHER = "and further: "
"""Opens a question that asks for what else answers it beside a quoted unit, which stands there, too."""
MODELS = Path(__file__).parent / "models"
PACKAGED_MODEL = "packaged"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"


class PackagedCrossEncoder(BaseCrossEncoder):
    """Scores pairs by an exported model, loaded on first use. Safe for threads.

    Cost on two cores in float32, of six layers: about 10 ms a pair of 60 tokens.
    """

    def __init__(self, folder: Path, *, dtype: str = "auto") -> None:
        """Read the configuration; nothing heavy is imported yet.

        Raises:
            ModelUnusable: if there is none.
        """
        self._folder = folder
        self._dtype = dtype
        self._loading = threading.Lock()
        self.config = _config(folder)

    @property
    def identity(self) -> str:
        """The model's name and the first 12 digits of its weights' digest."""
        return f"{self._folder.name}@{self.config['sha256'][:12]}"

    @functools.cached_property
    def dtype(self) -> str:
        """The number format it computes in: bfloat16 or float32."""
        return native_dtype() if self._dtype == "auto" else self._dtype

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return for each pair the log-odds that the second text answers, or supports, the first.

        What follows a blank line in the second text is its context. Of a text that is too long the best window counts.
        Pairs are computed in batches of like lengths.

        Raises:
            ModelUnusable: if the weights are not those that were packaged.
        """
        parted = ((first, text.partition(CONTEXT)) for first, text in text_pairs)
        return self._score([(first, second, context) for first, (second, _, context) in parted])

    def score_otherwise(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        """Return for each text the log-odds that it answers a question otherwise than a quoted one does.

        Only the packaged reader has learnt this (`evals.training.reader.beside`).

        Raises:
            ModelUnusable: as `score`.
        """
        return self._beside(OTHERWISE + question, quoted, texts)

    def score_further(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        """Return for each text the log-odds that it belongs to an answer to a question beside a quoted one.

        Only the packaged reader has learnt this (`evals.training.reader.beside`).

        Raises:
            ModelUnusable: as `score`.
        """
        return self._beside(FURTHER + question, quoted, texts)

    def _beside(self, question: str, quoted: str, texts: Sequence[str]) -> list[float]:
        context = f"{quoted.rstrip('.')}."
        return self._score([(question, text, context) for text in texts], beside=True)

    def _score(self, inputs: Sequence[tuple[str, str, str]], *, beside: bool = False) -> list[float]:
        """Score texts, each with its question or claim before it and its context after it."""
        if not inputs:
            return []
        import torch

        from rag.encoder import encode, lay_out, windows

        with self._loading:
            model, tokenizer, room = self._loaded
        room = room.beside if beside else room
        firsts, texts, contexts = (encode(tokenizer, [parts[i] for parts in inputs]) for i in range(3))
        cut = [windows(text, len(first), room) for first, text in zip(firsts, texts, strict=True)]
        rows = [(i, window) for i, parts in enumerate(cut) for window in parts]
        pairs = [lay_out(firsts[i], window, contexts[i], room) for i, window in rows]
        with torch.inference_mode():
            scores: list[float] = (model.score(pairs).float() - model.null.float()).tolist()
        best = [-math.inf] * len(inputs)
        for (i, _), score in zip(rows, scores, strict=True):
            best[i] = max(best[i], score)
        return best

    @functools.cached_property
    def _loaded(self) -> tuple[CrossEncoder, Tokenizer, Room]:
        import torch
        from safetensors import safe_open
        from safetensors.torch import load

        from rag.compact import expand
        from rag.encoder import Room, restore

        weights = expand(load(checked_bytes(self._folder / WEIGHTS, self.config["sha256"])))
        folder = packaged_folder()
        if WORD_EMBEDDINGS in weights:
            words = weights[WORD_EMBEDDINGS]
        else:
            with safe_open(folder / WEIGHTS, framework="pt") as file:
                words = file.get_tensor(WORD_EMBEDDINGS)
        try:
            model, room = restore(self.config, weights, words), Room(**self.config["room"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelUnusable(f"{self._folder} holds no such model ({error!r}); export it again") from error
        return model.to(getattr(torch, self.dtype)), whole_tokenizer(folder), room


class LibraryCrossEncoder(BaseCrossEncoder):
    """Scores pairs by a cross-encoder of the sentence-transformers library, loaded on first use."""

    def __init__(self, folder: Path, *, dtype: str = "auto") -> None:
        self._folder = folder
        self._dtype = dtype
        self._loading = threading.Lock()

    @property
    def identity(self) -> str:
        """The name of its folder."""
        return self._folder.name

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return the model's log-odds for each pair.

        Raises:
            ModelUnusable: if it cannot be loaded, or gives no single number a pair.
        """
        with self._loading:
            model = self._model
        scores: list[float] = model.predict(list(text_pairs), show_progress_bar=False).tolist() if text_pairs else []
        return scores

    @functools.cached_property
    def _model(self) -> Any:
        import torch
        from sentence_transformers import CrossEncoder

        dtype = getattr(torch, native_dtype() if self._dtype == "auto" else self._dtype)
        try:
            model = CrossEncoder(
                str(self._folder),
                device="cpu",
                local_files_only=True,
                activation_fn=torch.nn.Identity(),
                model_kwargs={"dtype": dtype},
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelUnusable(f"{self._folder} cannot be loaded as a cross-encoder ({error})") from error
        if (n := model.config.num_labels) != 1:
            raise ModelUnusable(f"{self._folder} gives {n} numbers a pair; set a model that gives one")
        return model


def open_cross_encoder(
    model: str, packaged: str, *, dtype: str = "auto", allow_download: bool = False, section: str = "reader"
) -> BaseCrossEncoder:
    """Return the cross-encoder that a setting names; its weights load on first use.

    Args:
        model: `packaged`, a folder or hub name, or `module:factory`.
        packaged: name of the packaged one.
        section: of the settings, for messages.

    Raises:
        UsageError: if it is not on this machine and may not be downloaded.
        ModelUnusable: if the packaged one is damaged.
    """
    if model == PACKAGED_MODEL:
        return PackagedCrossEncoder(MODELS / packaged, dtype=dtype)
    if ":" in model and not Path(model).exists():
        return model_from(model, BaseCrossEncoder, section=section)  # type: ignore[type-abstract]
    folder = resolve_model(model, allow_download=allow_download, section=section)
    if "sha256" in _config(folder):
        return PackagedCrossEncoder(folder, dtype=dtype)
    return LibraryCrossEncoder(folder, dtype=dtype)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{folder / CONFIG} cannot be read ({error}); export the model again") from error
    return config


def packaged_folder() -> Path:
    """Return the folder of the packaged embedding model, after checking its weights.

    Raises:
        ModelUnusable: if they are not those that `rag.embedding` names by digest.
        UsageError: if it is not installed.
    """
    folder = resolve_model(WORDS_OF)
    checked_bytes(folder / WEIGHTS, PACKAGED[WORDS_OF][2])
    return folder


def checked_bytes(path: Path, expected: str) -> bytes:
    """Read a file whose sha256 must be the expected one.

    Raises:
        ModelUnusable: if it is another, or the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelUnusable(f"{path} cannot be read ({error}); install its package again") from error
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ModelUnusable(f"{path} has sha256 {found}, expected {expected}; install its package again")
    return data
