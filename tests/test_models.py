"""The packaged models: what their cards state is what they do, and what is packaged is what was exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evals.training.card import reader_figures, verifier_figures
from rag.build import open_scorers, open_verifier
from rag.cross_encoder import MODELS, LibraryCrossEncoder, PackagedCrossEncoder, open_cross_encoder
from rag.errors import ModelUnusable, UsageError
from rag.settings import ReaderSettings, Settings, VerifierSettings
from rag.verify import Claim
from tests.fakes import HashEmbeddings, SharedWords

TOLERANCE = 0.03
"""Of shares, between processors and number formats."""

PACKAGED = Settings(reader=ReaderSettings(model="packaged"), verifier=VerifierSettings(model="packaged"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "measure"), [("reader", reader_figures), ("closer", reader_figures), ("verifier", verifier_figures)]
)
def test_a_packaged_model_does_what_its_card_states(name: str, measure: object) -> None:
    stated = json.loads((MODELS / name / "figures.json").read_text(encoding="utf-8"))
    assert callable(measure)
    assert measure(PackagedCrossEncoder(MODELS / name)) == pytest.approx(stated, abs=TOLERANCE)


@pytest.mark.parametrize("name", ["reader", "closer", "verifier"])
def test_a_card_names_data_licences_recipe_figures_and_limits(name: str) -> None:
    card = (MODELS / name / "README.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Recipe", "## Figures", "## Limits"):
        assert heading in card
    assert json.loads((MODELS / name / "config.json").read_text(encoding="utf-8"))["sha256"] in card


def test_all_models_together_are_at_most_50_megabytes() -> None:
    assert sum(path.stat().st_size for path in MODELS.rglob("*.safetensors")) < 50_000_000


@pytest.mark.slow
def test_the_packaged_models_tell_an_answer_and_a_support_from_what_is_near() -> None:
    reader = open_scorers(PACKAGED, HashEmbeddings()).reader
    assert reader is not None
    texts = ["Envoys met in Oslo on 3 May.", "The talks cost two million dollars.", "Rain fell on the harbour."]
    scores = reader.score([("Which city hosted the delegates?", text) for text in texts])
    assert scores[0] > max(scores[1:])
    source = "Finland joined NATO on 4 April 2023, after Turkey had ratified its accession."
    texts = ["Finland became part of NATO on 4 April 2023.", "Finland joined after its parliament was dissolved."]
    good, bad = open_verifier(PACKAGED).judge([Claim(text, source) for text in texts])
    assert good.reason is None
    assert bad.reason == "unsupported"


@pytest.mark.parametrize(
    ("chosen", "closer"),
    [
        ({"model": "packaged"}, "closer"),
        ({"model": "packaged", "closer": "none"}, None),
        ({"model": "packaged", "closer": str(MODELS / "reader")}, "reader"),
        ({"model": "tests.fakes:SharedWords"}, None),
        ({"model": "tests.fakes:SharedWords", "closer": "packaged"}, "closer"),
    ],
)
def test_the_packaged_closer_reader_goes_with_the_packaged_reader_unless_told_otherwise(
    chosen: dict[str, str], closer: str | None
) -> None:
    found = open_scorers(Settings(reader=ReaderSettings(**chosen)), HashEmbeddings()).closer
    assert (found.identity.partition("@")[0] if isinstance(found, PackagedCrossEncoder) else found) == closer


def test_a_factory_gives_any_langchain_cross_encoder() -> None:
    assert isinstance(open_cross_encoder("tests.fakes:SharedWords", "reader"), SharedWords)


@pytest.mark.parametrize("model", ["no_module:x", "no-such/cross-encoder"])
def test_a_cross_encoder_that_is_nowhere_names_the_section_of_the_settings(model: str) -> None:
    with pytest.raises(UsageError, match="verifier model"):
        open_cross_encoder(model, "verifier", section="verifier")


def test_a_folder_of_the_library_is_read_by_the_library_and_an_exported_one_by_us(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    assert isinstance(open_cross_encoder(str(tmp_path), "reader"), LibraryCrossEncoder)
    assert isinstance(open_cross_encoder(str(MODELS / "reader"), "reader"), PackagedCrossEncoder)


def write_library_model(folder: Path, *, labels: int) -> None:
    """Write a tiny cross-encoder of the library; with no labels its weights are missing."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    words = folder / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fish", "moon"]), encoding="utf-8")
    config = BertConfig(vocab_size=7, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    config.num_labels = labels or 1
    (BertForSequenceClassification(config) if labels else config).save_pretrained(folder)
    BertTokenizer(str(words)).save_pretrained(folder)


@pytest.mark.slow
def test_a_cross_encoder_of_the_library_scores_pairs(tmp_path: Path) -> None:
    write_library_model(tmp_path, labels=1)
    model = open_cross_encoder(str(tmp_path), "reader", dtype="float32")
    one, other = model.score([("fish", "moon"), ("moon", "fish")])
    assert isinstance(one, float)
    assert one != other
    assert model.score([]) == []


@pytest.mark.slow
@pytest.mark.parametrize("labels", [0, 3])
def test_a_folder_without_weights_or_of_several_labels_is_told(tmp_path: Path, labels: int) -> None:
    write_library_model(tmp_path, labels=labels)
    with pytest.raises(ModelUnusable, match="3 numbers a pair" if labels else "cannot be loaded"):
        open_cross_encoder(str(tmp_path), "verifier", dtype="float32").score([("fish", "fish")])


def test_an_exported_folder_of_another_shape_is_told(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "reader", tmp_path / "reader")
    config = json.loads((MODELS / "reader" / "config.json").read_text(encoding="utf-8"))
    del config["room"]
    (tmp_path / "reader" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelUnusable, match="no such model"):
        open_cross_encoder(str(tmp_path / "reader"), "reader").score([("fish", "fish")])
