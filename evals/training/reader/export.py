"""Export a trained reader: averaged weights in half precision, without word embeddings that are the packaged ones.

    python -m evals.training.reader.export --work WORK [--name NAME] --out DIR

Writes model.safetensors (about 21 MB at six layers) and config.json, and prints the digest of the weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import BertConfig

from evals.training.reader.course import AVERAGED, Plan
from evals.training.reader.model import from_packaged
from rag.cross_encoder import CONFIG, WEIGHTS, WORD_EMBEDDINGS, WORDS_OF
from rag.embedding import PACKAGED
from rag.encoder import FROZEN, CrossEncoder, put, to_bert

_BERT_FIELDS = (
    "hidden_size intermediate_size num_attention_heads hidden_act layer_norm_eps max_position_embeddings "
    "type_vocab_size vocab_size"
).split()


def load_run(work: Path, name: str) -> tuple[CrossEncoder, Plan]:
    """Load the averaged weights of a run as it stands, and its plan."""
    folder = work / "runs" / name
    plan = Plan.of(json.loads((folder / "plan.json").read_text(encoding="utf-8")))
    model = from_packaged(plan.shape, plan.start)
    put(model, load_file(folder / AVERAGED))
    return model.eval(), plan


def export(weights: Mapping[str, Tensor], plan: Plan, bert: BertConfig, out: Path) -> str:
    """Write weights and configuration to a folder, as `PackagedCrossEncoder` reads them. Returns the weights' sha256.

    The weights are named as a `BertModel` of all layers names them, beside `head.weight`, `head.bias` and `null`. Word
    embeddings among them are the model's own.
    """
    half = {name: weight.detach().to(torch.float16).contiguous() for name, weight in weights.items()}
    shared = {"word_embeddings": {"model": WORDS_OF, "sha256": PACKAGED[WORDS_OF][2]}}
    config = {
        **({} if FROZEN in weights else shared),
        "shape": asdict(plan.shape), "room": asdict(plan.room), "plan": asdict(plan),
        "bert": {name: getattr(bert, name) for name in _BERT_FIELDS},
    }  # fmt: skip
    return write_model(to_bert(half, plan.shape), config, out)


def has_words(weights: Path) -> bool:
    """Whether a file of weights has word embeddings of its own."""
    with safe_open(weights, framework="pt") as file:
        return WORD_EMBEDDINGS in set(file.keys())


def write_model(weights: Mapping[str, Tensor], config: Mapping[str, Any], out: Path) -> str:
    """Write weights, and a configuration with their sha256, to a folder. Returns the sha256."""
    out.mkdir(parents=True, exist_ok=True)
    save_file(dict(weights), out / WEIGHTS)
    digest = hashlib.sha256((out / WEIGHTS).read_bytes()).hexdigest()
    told = {"sha256": digest, **{name: value for name, value in config.items() if name != "sha256"}}
    (out / CONFIG).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return digest


def main() -> None:
    """Export a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of the prepared data and the runs")
    parser.add_argument("--name", default="reader", help="name of the run")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    model, plan = load_run(args.work, args.name)
    kept = model.kept()
    if plan.start and has_words(Path(plan.start) / WEIGHTS):
        kept[FROZEN] = model.encoder.embeddings.word_embeddings.weight
    digest = export(kept, plan, model.encoder.config, args.out)
    size = (args.out / WEIGHTS).stat().st_size
    print(f"{args.out / WEIGHTS}: {size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
