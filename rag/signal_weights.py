"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-8"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .96 of the answerable questions are
# answered and .73 of the others refused; at .80 it is .86 and .86.
THRESHOLD = 0.52

RANK: Mapping[str, float] = {
    "reader": 0.803,
    "similarity": 0.478,
    "matched": 3.350,
    "matched_terms": -0.995,
    "matched_names": -0.990,
    "matched_plain": 2.811,
    "unmatched": -0.149,
    "coverage": -0.050,
    "coverage_before": -1.441,
    "coverage_titled": 6.625,
    "names": 0.481,
    "numbers": 0.009,
    "plain": -1.220,
    "missing": 1.409,
    "phrases": 1.669,
    "offers": 0.775,
    "length": -0.099,
    "leans": -0.442,
    "dense": 1.142,
    "lexical": 0.433,
    "offers_who": -0.049,
    "offers_when": 0.203,
    "offers_where": -0.160,
    "offers_number": 1.433,
    "offers_why": -0.368,
    "offers_list": -0.279,
    "offers_ordinal": -0.006,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.789,
    "reader": 0.762,
    "reader_any": 0.402,
    "similarity_max": 0.278,
    "names_passage": 2.461,
    "numbers_passage": 0.469,
    "numbers_all": 1.564,
    "strangers": -1.678,
    "missing_all": 1.832,
    "rank": -0.849,
    "lead": -0.764,
    "terms": 1.637,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.841,
    "reader": 0.565,
    "reader_any": -0.317,
    "similarity_max": 0.321,
    "names_passage": 1.081,
    "numbers_passage": 0.361,
    "numbers_all": 0.475,
    "strangers": -0.380,
    "missing_all": 0.543,
    "rank": 0.962,
    "lead": 0.472,
    "terms": 1.220,
}
