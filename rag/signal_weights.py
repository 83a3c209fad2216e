"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-6"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .94 of the answerable questions are
# answered and .70 of the others refused; at .80 it is .84 and .86.
THRESHOLD = 0.58

RANK: Mapping[str, float] = {
    "reader": 0.777,
    "similarity": 1.057,
    "matched": 3.118,
    "matched_terms": -1.199,
    "matched_names": -1.051,
    "matched_plain": 3.095,
    "unmatched": -0.191,
    "coverage": 0.095,
    "coverage_before": -2.005,
    "coverage_titled": 6.534,
    "names": 0.442,
    "numbers": 0.088,
    "plain": -1.087,
    "missing": 0.989,
    "phrases": 1.561,
    "offers": 0.830,
    "negation": 0.007,
    "length": 0.222,
    "leans": -0.451,
    "complete": -0.773,
    "asks": 0.000,
    "dense": 1.346,
    "lexical": 0.474,
    "offers_who": -0.022,
    "offers_when": 0.332,
    "offers_where": -0.005,
    "offers_number": 1.419,
    "offers_why": -0.701,
    "offers_list": -0.177,
    "offers_ordinal": -0.016,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.919,
    "reader": 0.595,
    "reader_any": 0.353,
    "similarity_max": 0.828,
    "names_passage": 1.997,
    "numbers_passage": 0.625,
    "numbers_all": 1.436,
    "strangers": -1.269,
    "missing_all": 1.306,
    "rank": 0.213,
    "lead": -0.375,
    "terms": 1.483,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.811,
    "reader": 0.525,
    "reader_any": -0.368,
    "similarity_max": 0.540,
    "names_passage": 0.933,
    "numbers_passage": 0.511,
    "numbers_all": 0.378,
    "strangers": -0.247,
    "missing_all": 0.203,
    "rank": 1.154,
    "lead": 0.692,
    "terms": 1.210,
}
