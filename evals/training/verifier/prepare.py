"""Prepare the verifier's training data once: claims, each with the one span that it is read against, tokenised.

    python -m evals.training.verifier.prepare --data DIR --out WORK [--per-kind N]

DIR holds fever_symmetric, ungdc_2013_2024 and us_state_historian. Beside the pairs written for training
(evals/datasets/training) stand those of fever_symmetric's development split and those made by rule. Writes
units.safetensors, examples.jsonl and counts.json, which `evals.training.reader.train --loss binary` takes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.training.reader.examples import Asked, write
from evals.training.reader.units import counter, packaged_tokenizer
from evals.training.verifier.fever import fever_examples
from evals.training.verifier.rules import rule_examples
from evals.training.verifier.written import WrittenPair, read_pairs, written_examples
from rag.split import CountTokens

SEED = 20
PER_KIND = 500


def prepare(data: Path, pairs: Sequence[WrittenPair], count: CountTokens, *, per_kind: int) -> Iterator[Asked]:
    """Make all examples, source by source, always the same. No document is in two splits."""
    yield from written_examples(data, pairs, count)
    yield from fever_examples(data)
    written = frozenset(one.doc for one in pairs)
    yield from rule_examples(data, count, random.Random(SEED), per_kind=per_kind, without=written)


def main() -> None:
    """Write the prepared data and print counts by split and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--per-kind", type=int, default=PER_KIND, help="most claims of a kind made by rule")
    args = parser.parse_args()
    tokenizer = packaged_tokenizer()
    made = list(prepare(Path(args.data), read_pairs(), counter(tokenizer), per_kind=args.per_kind))
    write(args.out, made, tokenizer)
    counts = dict(sorted(Counter(f"{a.split} {a.kind}" for a in made).items()))
    (args.out / "counts.json").write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(counts, indent=1))


if __name__ == "__main__":
    main()
