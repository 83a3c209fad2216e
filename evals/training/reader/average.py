"""Average the weights of exported readers of one shape.

    python -m evals.training.reader.average --of FOLDER=SHARE [FOLDER=SHARE ...] --out DIR

The configuration is that of the last one. Source: Wortsman et al., "Model soups: averaging weights of multiple
fine-tuned models improves accuracy without increasing inference time", 2022.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from evals.training.reader.export import write_model
from rag.compact import expand
from rag.cross_encoder import CONFIG, WEIGHTS

Part = tuple[Path, float]
"""Folder of an exported reader, and its share."""


def average(parts: Sequence[Part], out: Path) -> str:
    """Write the weighted sum of the readers' weights to a folder. Returns the weights' sha256.

    Raises:
        ValueError: if the shares do not sum to 1, or the readers differ in shape.
    """
    if abs(sum(share for _, share in parts) - 1) > 1e-6:
        raise ValueError("the shares do not sum to 1")
    configs = [json.loads((folder / CONFIG).read_text(encoding="utf-8")) for folder, _ in parts]
    if any(config["shape"] != configs[0]["shape"] for config in configs):
        raise ValueError("the readers differ in shape")
    loaded = [(expand(load_file(folder / WEIGHTS)), share) for folder, share in parts]
    names = loaded[0][0]
    summed = {name: torch.zeros(weight.shape) for name, weight in names.items()}
    for weights, share in loaded:
        for name, weight in summed.items():
            weight += share * weights[name].float()
    return write_model({name: weight.to(torch.float16) for name, weight in summed.items()}, configs[-1], out)


def part_of(written: str) -> Part:
    """Read FOLDER=SHARE."""
    folder, _, share = written.rpartition("=")
    return Path(folder), float(share)


def main() -> None:
    """Average and print the digest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", type=part_of, nargs="+", required=True, metavar="FOLDER=SHARE")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    print(f"{args.out / WEIGHTS}: sha256 {average(args.of, args.out)}")


if __name__ == "__main__":
    main()
