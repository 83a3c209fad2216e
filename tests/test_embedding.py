from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rag import embedding
from rag.embedding import SentenceTransformerEmbeddings, model_from, native_dtype, resolve_model
from rag.errors import IndexMismatch, UsageError
from tests.fakes import HashEmbeddings

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_the_packaged_model_is_found_under_both_of_its_names() -> None:
    folder = resolve_model("all-MiniLM-L6-v2")
    assert resolve_model("sentence-transformers/all-MiniLM-L6-v2") == folder
    assert (folder / "model.safetensors").is_file()


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    assert resolve_model(str(tmp_path)) == tmp_path.resolve()


def test_a_model_that_is_nowhere_names_the_remedies_and_downloads_nothing() -> None:
    with pytest.raises(UsageError, match=r"no-such/model.*folder.*allow_download"):
        resolve_model("no-such/model")


def test_the_identity_names_model_and_weights() -> None:
    model = SentenceTransformerEmbeddings("all-MiniLM-L6-v2")
    assert (model.identity, model.dimension) == (f"all-MiniLM-L6-v2@{SHA256[:12]}", 384)


def test_the_identity_of_a_folder_is_that_of_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    one = SentenceTransformerEmbeddings(str(tmp_path)).identity
    (tmp_path / "model.safetensors").write_bytes(b"other")
    assert SentenceTransformerEmbeddings(str(tmp_path)).identity != one


def test_weights_of_another_digest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = SentenceTransformerEmbeddings("all-MiniLM-L6-v2")
    monkeypatch.setattr(embedding, "_weights_digest", lambda folder: "0" * 64)
    with pytest.raises(IndexMismatch, match="sha256 0000"):
        model.embed_query("x")


def test_a_factory_gives_any_langchain_embeddings() -> None:
    assert type(model_from("tests.fakes:HashEmbeddings", HashEmbeddings)).__name__ == "HashEmbeddings"


@pytest.mark.parametrize("factory", ["no_module:x", "tests.fakes:nothing", "builtins:dict"])
def test_a_wrong_factory_is_wrong_usage(factory: str) -> None:
    with pytest.raises(UsageError, match=factory):
        model_from(factory, HashEmbeddings)


@pytest.mark.slow
def test_bfloat16_agrees_with_float32() -> None:
    texts = ["Finland joined NATO on 4 April 2023.", "Why were transits through the canal reduced? " * 10]
    full = SentenceTransformerEmbeddings("all-MiniLM-L6-v2", dtype="float32").embed_documents(texts)
    half = SentenceTransformerEmbeddings("all-MiniLM-L6-v2", dtype="bfloat16").embed_documents(texts)
    for a, b in zip(full, half, strict=True):
        assert sum(x * y for x, y in zip(a, b, strict=True)) > 0.999


def test_the_number_format_is_one_that_this_machine_computes() -> None:
    assert native_dtype() in ("bfloat16", "float32")


@pytest.mark.slow
def test_a_model_in_a_folder_works_like_the_packaged_one(tmp_path: Path) -> None:
    folder = shutil.copytree(resolve_model("all-MiniLM-L6-v2"), tmp_path / "copy")
    packaged = SentenceTransformerEmbeddings("all-MiniLM-L6-v2").embed_query("grain")
    assert SentenceTransformerEmbeddings(str(folder)).embed_query("grain") == pytest.approx(packaged, abs=1e-6)
