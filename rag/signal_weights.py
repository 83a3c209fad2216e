"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-13"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .94 of the answerable questions are
# answered and .78 of the others refused; at .80 it is .89 and .89.
THRESHOLD = 0.62

ANSWERS_SCALE, ANSWERS_SHIFT = 1.373, 2.658
"""Of the log-odds that anything answers, so that they are probabilities of that."""

RANK: Mapping[str, float] = {
    "reader": 0.782,
    "similarity": 0.540,
    "matched": 1.934,
    "matched_terms": -0.667,
    "matched_names": -0.358,
    "matched_plain": 2.284,
    "unmatched": 0.194,
    "coverage": 0.751,
    "coverage_before": -1.121,
    "coverage_titled": 5.565,
    "names": 0.282,
    "numbers": -0.009,
    "plain": -0.693,
    "missing": 1.802,
    "phrases": 0.725,
    "offers": 0.704,
    "length": -0.958,
    "leans": -0.235,
    "dense": 0.947,
    "lexical": 0.647,
    "offers_who": -0.323,
    "offers_when": 0.299,
    "offers_where": 0.105,
    "offers_number": 0.591,
    "offers_why": -0.380,
    "offers_list": 0.416,
    "offers_ordinal": -0.004,
}
CLOSE_RANK: Mapping[str, float] = {
    "reader": 0.391,
    "closer": 0.391,
    "similarity": 0.540,
    "matched": 1.934,
    "matched_terms": -0.667,
    "matched_names": -0.358,
    "matched_plain": 2.284,
    "unmatched": 0.194,
    "coverage": 0.751,
    "coverage_before": -1.121,
    "coverage_titled": 5.565,
    "names": 0.282,
    "numbers": -0.009,
    "plain": -0.693,
    "missing": 1.802,
    "phrases": 0.725,
    "offers": 0.704,
    "length": -0.958,
    "leans": -0.235,
    "dense": 0.947,
    "lexical": 0.647,
    "offers_who": -0.323,
    "offers_when": 0.299,
    "offers_where": 0.105,
    "offers_number": 0.591,
    "offers_why": -0.380,
    "offers_list": 0.416,
    "offers_ordinal": -0.004,
}
HERE: Mapping[str, float] = {
    "bias": -3.208,
    "similarity_max": 2.540,
    "matched_max": 1.496,
    "rank": 3.304,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.726,
    "reader": 0.562,
    "lead": -0.452,
    "names_passage": 2.351,
    "numbers_all": 2.093,
    "strangers": -1.433,
    "missing_all": 2.145,
}
RIGHT: Mapping[str, float] = {
    "bias": -6.498,
    "reader": 0.314,
    "reader_any": -0.233,
    "similarity_max": 0.306,
    "names_passage": 1.201,
    "numbers_passage": 0.386,
    "numbers_all": 0.977,
    "strangers": -0.560,
    "missing_all": 0.541,
    "rank": 2.544,
    "lead": 0.788,
    "terms": 1.035,
}
