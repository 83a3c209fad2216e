"""Cross-encoders: exported weights upon the embedding model's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig

from evals.training.pack import pack
from evals.training.reader.average import average
from evals.training.reader.course import Plan
from evals.training.reader.export import export
from rag.cross_encoder import CONFIG, WEIGHTS, PackagedCrossEncoder
from rag.embedding import resolve_model
from rag.encoder import FROZEN, MAX_TOKENS, PADDED_TOKENS, Room, Shape, build, encode, windows
from rag.errors import ModelUnusable

QUESTION = "When did Finland join NATO?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder of two layers and random weights."""
    torch.manual_seed(3)
    shape = Shape(layers=2)
    config = BertConfig.from_pretrained(resolve_model("all-MiniLM-L6-v2"))
    model = build(config, shape)
    torch.nn.init.normal_(model.head.weight)
    out = tmp_path_factory.mktemp("models") / "reader"
    export(model.kept(), Plan(1, shape), config, out)
    return out


@pytest.fixture(scope="module")
def scorer(folder: Path) -> PackagedCrossEncoder:
    return PackagedCrossEncoder(folder, dtype="float32")


def test_a_pair_scores_the_same_alone_and_among_others(scorer: PackagedCrossEncoder) -> None:
    texts = ["Finland joined NATO on 4 April 2023.", "Rain fell.", "Envoys met in Oslo and then in Geneva. " * 3]
    together = scorer.score([(QUESTION, text) for text in texts])
    alone = [scorer.score([(QUESTION, text)])[0] for text in texts]
    assert together == pytest.approx(alone, abs=1e-4)
    assert len(set(together)) == 3


def test_batches_are_of_like_lengths_and_bounded_and_scores_keep_the_order_of_the_pairs(
    scorer: PackagedCrossEncoder,
) -> None:
    pairs = [(QUESTION, "word " * (1 + 37 * n % 83)) for n in range(60)]
    model, _, _ = scorer._loaded
    shapes: list[tuple[int, int]] = []
    hook = model.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    try:
        together = scorer.score(pairs)
    finally:
        hook.remove()
    widths = [width for _, width in shapes]
    assert widths == sorted(widths)
    assert all(rows * width <= PADDED_TOKENS for rows, width in shapes)
    assert 1 < len(shapes) < len(pairs) / 4
    assert scorer.score(pairs[::-1]) == pytest.approx(together[::-1], abs=1e-4)
    assert scorer.score(pairs) == together


def test_what_follows_a_blank_line_is_context(scorer: PackagedCrossEncoder) -> None:
    bare, shown, other = scorer.score(
        [(QUESTION, "It joined."), (QUESTION, "It joined.\n\nFinland."), (QUESTION, "It joined.\n\nSweden.")]
    )
    assert len({round(score, 5) for score in (bare, shown, other)}) == 3


def test_of_a_long_text_the_best_window_counts(scorer: PackagedCrossEncoder) -> None:
    long = " ".join(f"clause {n} holds" for n in range(90))
    _, tokenizer, room = scorer._loaded
    first, second = encode(tokenizer, [QUESTION, long])
    parts = windows(second, len(first), room)
    assert len(parts) > 1
    scores = scorer.score([(QUESTION, tokenizer.decode(list(part))) for part in parts])
    assert scorer.score([(QUESTION, long)]) == pytest.approx([max(scores)], abs=1e-4)


def test_windows_hold_every_token_and_leave_room_for_the_first_text() -> None:
    tokens = list(range(300))
    parts = windows(tokens, 10, Room())
    assert {token for part in parts for token in part} == set(tokens)
    assert all(10 + len(part) + 3 <= MAX_TOKENS for part in parts)
    assert windows([5], 10, Room()) == [[5]]
    assert windows([], 10, Room()) == [[]]


def test_no_pairs_load_nothing(folder: Path) -> None:
    fresh = PackagedCrossEncoder(folder)
    assert fresh.score([]) == []
    assert "_loaded" not in vars(fresh)


def test_identity_names_the_weights(scorer: PackagedCrossEncoder, folder: Path) -> None:
    digest = json.loads((folder / "config.json").read_text())["sha256"]
    assert scorer.identity == f"reader@{digest[:12]}"


def test_other_weights_than_those_packaged_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with (tmp_path / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnusable, match="expected"):
        PackagedCrossEncoder(tmp_path).score([("a", "b")])


def test_a_folder_without_configuration_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"config\.json cannot be read"):
        PackagedCrossEncoder(tmp_path)


def test_word_embeddings_that_a_cross_encoder_has_are_used_instead_of_the_packaged_ones(
    folder: Path, scorer: PackagedCrossEncoder, tmp_path: Path
) -> None:
    model, _, _ = scorer._loaded
    words = model.encoder.embeddings.word_embeddings.weight
    for share, name in ((1, "same"), (-1, "other")):
        export({**model.kept(), FROZEN: share * words}, Plan(1, Shape(layers=2)), model.encoder.config, tmp_path / name)
    pairs = [(QUESTION, "Finland joined NATO.")]
    same, other = (PackagedCrossEncoder(tmp_path / name, dtype="float32").score(pairs) for name in ("same", "other"))
    assert same == pytest.approx(scorer.score(pairs), abs=0.01)
    assert abs(other[0] - same[0]) > 0.05


def test_a_packed_cross_encoder_takes_half_the_room_and_scores_alike(folder: Path, tmp_path: Path) -> None:
    pack(folder, tmp_path)
    size, packed = ((where / WEIGHTS).stat().st_size for where in (folder, tmp_path))
    assert packed < 0.6 * size
    pairs = [(QUESTION, text) for text in ("Rain fell.", "Finland joined NATO.", "Envoys met in Oslo.")]
    whole, small = (PackagedCrossEncoder(where, dtype="float32").score(pairs) for where in (folder, tmp_path))
    assert small == pytest.approx(whole, rel=0.02, abs=0.02)


def test_readers_are_averaged_by_their_shares(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    weights = load_file(folder / WEIGHTS)
    save_file({name: 3 * weight for name, weight in weights.items()}, other / WEIGHTS)
    (other / CONFIG).write_text((folder / CONFIG).read_text())
    average([(folder, 0.75), (other, 0.25)], tmp_path / "made")
    made = load_file(tmp_path / "made" / WEIGHTS)
    torch.testing.assert_close(made["head.weight"], 1.5 * weights["head.weight"])
    assert PackagedCrossEncoder(tmp_path / "made", dtype="float32").score([(QUESTION, "Rain fell.")])
    with pytest.raises(ValueError, match="sum to 1"):
        average([(folder, 0.5), (other, 0.25)], tmp_path / "made")
