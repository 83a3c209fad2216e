"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-12"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .94 of the answerable questions are
# answered and .80 of the others refused; at .80 it is .88 and .85.
THRESHOLD = 0.64

ANSWERS_SCALE, ANSWERS_SHIFT = 1.447, 2.530
"""Of the log-odds that anything answers, so that they are probabilities of that."""

RANK: Mapping[str, float] = {
    "reader": 0.734,
    "similarity": 0.351,
    "matched": 2.297,
    "matched_terms": -0.070,
    "matched_names": -0.507,
    "matched_plain": 2.804,
    "unmatched": 0.389,
    "coverage": 0.350,
    "coverage_before": -1.069,
    "coverage_titled": 5.954,
    "names": 0.363,
    "numbers": -0.059,
    "plain": -0.780,
    "missing": 1.212,
    "phrases": 1.443,
    "offers": 0.788,
    "length": -0.616,
    "leans": -0.523,
    "dense": 1.121,
    "lexical": 0.685,
    "offers_who": -0.311,
    "offers_when": 0.225,
    "offers_where": -0.115,
    "offers_number": 1.104,
    "offers_why": -0.450,
    "offers_list": 0.342,
    "offers_ordinal": -0.007,
}
HERE: Mapping[str, float] = {
    "bias": -3.284,
    "similarity_max": 2.577,
    "matched_max": 1.885,
    "rank": 2.720,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.466,
    "reader": 0.527,
    "lead": -0.450,
    "names_passage": 2.647,
    "numbers_all": 2.012,
    "strangers": -1.170,
    "missing_all": 1.661,
}
RIGHT: Mapping[str, float] = {
    "bias": -6.848,
    "reader": 0.343,
    "reader_any": -0.300,
    "similarity_max": 0.628,
    "names_passage": 1.310,
    "numbers_passage": 0.404,
    "numbers_all": 0.941,
    "strangers": -0.362,
    "missing_all": 0.632,
    "rank": 2.171,
    "lead": 0.624,
    "terms": 1.170,
}
