"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-9"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .96 of the answerable questions are
# answered and .73 of the others refused; at .80 it is .86 and .86.
THRESHOLD = 0.52

RANK: Mapping[str, float] = {
    "reader": 0.756,
    "similarity": 0.479,
    "matched": 3.142,
    "matched_terms": -0.931,
    "matched_names": -0.799,
    "matched_plain": 2.350,
    "unmatched": 0.094,
    "coverage": 0.255,
    "coverage_before": -1.455,
    "coverage_titled": 6.568,
    "names": 0.403,
    "numbers": 0.057,
    "plain": -1.045,
    "missing": 1.703,
    "phrases": 1.564,
    "offers": 0.872,
    "length": -0.369,
    "leans": -0.283,
    "dense": 1.154,
    "lexical": 0.418,
    "offers_who": -0.289,
    "offers_when": 0.055,
    "offers_where": -0.131,
    "offers_number": 1.377,
    "offers_why": 0.011,
    "offers_list": -0.147,
    "offers_ordinal": -0.004,
}
ANSWERS: Mapping[str, float] = {
    "bias": -4.208,
    "reader": 0.663,
    "reader_any": 0.126,
    "similarity_max": 0.447,
    "names_passage": 2.379,
    "numbers_passage": 1.029,
    "numbers_all": 1.615,
    "strangers": -1.455,
    "missing_all": 1.376,
    "rank": 0.166,
    "lead": -0.804,
    "terms": 1.027,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.348,
    "reader": 0.495,
    "reader_any": -0.340,
    "similarity_max": 0.317,
    "names_passage": 1.017,
    "numbers_passage": 0.463,
    "numbers_all": 0.423,
    "strangers": -0.389,
    "missing_all": 0.213,
    "rank": 1.079,
    "lead": 0.525,
    "terms": 0.890,
}
