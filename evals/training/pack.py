"""Write an exported cross-encoder with a byte a number, its own word embeddings with half a byte.

    python -m evals.training.pack --of FOLDER --out DIR

It takes half the room or less, and is opened as the exported one is.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors.torch import load_file

from evals.training.reader.export import write_model
from rag.compact import compact
from rag.cross_encoder import CONFIG, WEIGHTS, WORD_EMBEDDINGS


def pack(folder: Path, out: Path) -> str:
    """Write the weights of a folder compactly to another. Returns their sha256."""
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return write_model(compact(load_file(folder / WEIGHTS), halved=[WORD_EMBEDDINGS]), config, out)


def main() -> None:
    """Pack and print the digest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", type=Path, required=True, help="folder of an exported cross-encoder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args()
    digest = pack(args.of, args.out)
    print(f"{args.out / WEIGHTS}: {(args.out / WEIGHTS).stat().st_size / 1e6:.1f} MB, sha256 {digest}")


if __name__ == "__main__":
    main()
