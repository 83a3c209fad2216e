"""What training fetches: an encoder out of an ONNX file, and SQuAD 1.1's training part as examples."""

from __future__ import annotations

import json
import random
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from evals.training.fetch import bert_weights
from evals.training.reader.squad1 import SQUAD1, squad1_examples
from evals.training.reader.units import counter, packaged_tokenizer


def test_matrices_are_named_after_the_bias_that_is_added_to_their_product(tmp_path: Path) -> None:
    torch.manual_seed(1)
    words, matrix, bias = torch.randn(5, 3), torch.randn(4, 3), torch.randn(4)
    layer = "encoder.layer.0.attention.self.query"
    named = {"embeddings.word_embeddings.weight": words, "val_7": matrix.T.contiguous(), f"{layer}.bias": bias}
    nodes = [
        helper.make_node("Gather", ["embeddings.word_embeddings.weight", "ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "val_7"], ["product"]),
        helper.make_node("Add", ["product", f"{layer}.bias"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes, "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [2])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2, 4])],
        [numpy_helper.from_array(weight.numpy(), name) for name, weight in named.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph), str(tmp_path / "encoder.onnx"))
    found = bert_weights(tmp_path / "encoder.onnx")
    assert set(found) == {"embeddings.word_embeddings.weight", f"{layer}.weight", f"{layer}.bias"}
    torch.testing.assert_close(found[f"{layer}.weight"], matrix)


def article(title: str, *paragraphs: tuple[str, list[tuple[str, str]]]) -> dict[str, object]:
    made = [
        {
            "context": context,
            "qas": [
                {"id": f"{title}-{i}-{j}", "question": q, "answers": [{"text": a, "answer_start": context.index(a)}]}
                for j, (q, a) in enumerate(asked)
            ],
        }
        for i, (context, asked) in enumerate(paragraphs)
    ]
    return {"title": title, "paragraphs": made}


@pytest.fixture(scope="module")
def squad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("squad") / SQUAD1.name
    cities = ("Oslo", "Vienna", "Lima")
    data = [
        article(
            f"History_of_{city}",
            (
                f"{city} was founded by a bishop. It has a port.",
                [(f"Who founded {city}?", "a bishop"), (f"What does {city} have?", "a port")],
            ),
            (f"The king of {city} lived in a tower.", [(f"Where did the king of {city} live?", "a tower")]),
        )
        for city in cities
    ]
    path.write_text(json.dumps({"data": data}))
    return path


def test_each_question_has_its_own_sentence_as_right_unit_and_some_are_asked_without_it(squad: Path) -> None:
    count = counter(packaged_tokenizer())
    made = list(squad1_examples(squad, count, random.Random(4), questions=9))
    whole = [one for one in made if one.kind == "squad1"]
    assert len(whole) == 9
    assert {one.split for one in made} == {"train"}
    assert all(one.kind == "squad1" or not one.right for one in made if "dated" not in one.kind)
    for one in whole:
        assert [unit.text for unit in one.right]
        assert not set(one.right) & set(one.wrong)
    (founded,) = [one for one in whole if one.question == "Who founded Lima?"]
    assert [unit.text for unit in founded.right] == ["Lima was founded by a bishop."]
    assert founded.right[0].title == "History of Lima"


def test_so_many_questions_are_drawn_of_each_article_and_held_out_ones_never(squad: Path) -> None:
    count = counter(packaged_tokenizer())
    held = frozenset({"who founded oslo", "what does oslo have"})
    made = list(squad1_examples(squad, count, random.Random(4), questions=3, held=held))
    whole = [one for one in made if one.kind == "squad1"]
    assert len(whole) == 3
    assert "Where did the king of Oslo live?" in {one.question for one in whole}
