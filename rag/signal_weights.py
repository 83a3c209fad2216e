"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-7"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .94 of the answerable questions are
# answered and .70 of the others refused; at .80 it is .84 and .86.
THRESHOLD = 0.58

RANK: Mapping[str, float] = {
    "reader": 0.781,
    "similarity": 1.094,
    "matched": 3.048,
    "matched_terms": -1.212,
    "matched_names": -1.045,
    "matched_plain": 3.052,
    "unmatched": -0.195,
    "coverage": 0.148,
    "coverage_before": -2.012,
    "coverage_titled": 6.506,
    "names": 0.436,
    "numbers": 0.089,
    "plain": -1.084,
    "missing": 1.020,
    "phrases": 1.545,
    "offers": 0.828,
    "length": 0.121,
    "leans": -0.441,
    "dense": 1.327,
    "lexical": 0.497,
    "offers_who": -0.017,
    "offers_when": 0.352,
    "offers_where": 0.009,
    "offers_number": 1.394,
    "offers_why": -0.725,
    "offers_list": -0.171,
    "offers_ordinal": -0.016,
}
ANSWERS: Mapping[str, float] = {
    "bias": -4.018,
    "reader": 0.570,
    "reader_any": 0.375,
    "similarity_max": 0.817,
    "names_passage": 1.939,
    "numbers_passage": 0.662,
    "numbers_all": 1.428,
    "strangers": -1.295,
    "missing_all": 1.323,
    "rank": 0.311,
    "lead": -0.380,
    "terms": 1.485,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.920,
    "reader": 0.511,
    "reader_any": -0.354,
    "similarity_max": 0.561,
    "names_passage": 0.931,
    "numbers_passage": 0.518,
    "numbers_all": 0.384,
    "strangers": -0.246,
    "missing_all": 0.186,
    "rank": 1.193,
    "lead": 0.662,
    "terms": 1.205,
}
