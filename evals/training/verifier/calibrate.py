"""Scale the verifier's log-odds to probabilities, and write the constants in rag/signal_weights.py.

    python -m evals.training.verifier.calibrate --data DIR [--write]

Uses the development documents of the written pairs, as the verifier meets them: what breaks a rule is settled before.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evals.training.head.fit import TARGET
from evals.training.head.fitting import fit_logistic
from evals.training.reader.units import counter, packaged_tokenizer
from evals.training.verifier.written import read_pairs, written_examples
from rag.cross_encoder import MODELS, PackagedCrossEncoder
from rag.evaluation.pairs import Judged as JudgedPair
from rag.evaluation.pairs import pair_figures
from rag.evaluation.question import Pair
from rag.signals import logistic
from rag.verify import Claim, Judgement, Verifier, in_context


def dev_claims(data: Path) -> tuple[list[Claim], list[bool], list[str]]:
    """Claims of the development documents, whether each is supported, and the reason where it is not."""
    made = [one for one in written_examples(data, read_pairs(), counter(packaged_tokenizer())) if one.split == "dev"]
    units = [(one.right or one.wrong)[0] for one in made]
    claims = [Claim(one.question, unit.text, *_title(unit.title)) for one, unit in zip(made, units, strict=True)]
    return claims, [bool(one.right) for one in made], [one.kind.partition("/")[2] for one in made]


def _title(written: str) -> tuple[str, str]:
    """Part a title from the date that was written after it."""
    match = re.fullmatch(r"(.*), (\d{4}(?:-\d\d){0,2})", written)
    return (match[1], match[2]) if match else (written, "")


def platt(odds: Sequence[float], truth: Sequence[bool]) -> tuple[float, float]:
    """Return scale and bias that make log-odds those of the truth.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999.
    """
    rows = np.stack([np.ones(len(odds)), np.asarray(odds)], axis=1)
    found = fit_logistic(rows, np.asarray(truth, dtype=float), np.ones(len(odds)), ("bias", "scale"), decay=0.0)
    return found["scale"], found["bias"]


def main() -> None:
    """Fit, print how the verifier does at some thresholds, and with --write keep the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("GEOBRIEF_DATA"), help="folder of the sets")
    parser.add_argument("--write", action="store_true", help="write rag/signal_weights.py")
    args = parser.parse_args()
    claims, truth, reasons = dev_claims(Path(args.data))
    settled = Verifier(None).judge(claims)
    rules = [one.reason for one in settled]
    open_ = [i for i, reason in enumerate(rules) if reason == "unsupported"]
    odds = PackagedCrossEncoder(MODELS / "verifier").score([(claims[i].text, in_context(claims[i])) for i in open_])
    scale, bias = platt(odds, [truth[i] for i in open_])
    print(f"n={len(claims)}, by rule {len(claims) - len(open_)}; scale {scale:.3f} bias {bias:.3f}")
    support = dict(zip(open_, (logistic(scale * x + bias) for x in odds), strict=True))
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        judged = [
            JudgedPair(Pair(str(i), "", "", "SUPPORTS" if ok else "REFUTES", reason=reasons[i]),
                       _at(threshold, support[i]) if i in support else settled[i])
            for i, ok in enumerate(truth)
        ]  # fmt: skip
        found = pair_figures(judged)
        shares = [found.accepted.value if found.accepted else 0, found.rejected.value if found.rejected else 0]
        print(f"at {threshold}: accuracy {found.accuracy.value:.3f} accepted {shares[0]:.3f} rejected {shares[1]:.3f}")
    if args.write:
        text = TARGET.read_text(encoding="utf-8")
        made = f"SUPPORT_SCALE, SUPPORT_BIAS = {scale:.3f}, {bias:.3f}"
        TARGET.write_text(re.sub(r"SUPPORT_SCALE, SUPPORT_BIAS = .*", made, text), encoding="utf-8")


def _at(threshold: float, support: float) -> Judgement:
    return Judgement(support, None if support >= threshold else "unsupported")


if __name__ == "__main__":
    main()
