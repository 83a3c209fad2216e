"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-11"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .95 of the answerable questions are
# answered and .78 of the others refused; at .80 it is .86 and .84.
THRESHOLD = 0.58

RANK: Mapping[str, float] = {
    "reader": 0.747,
    "similarity": 0.379,
    "matched": 2.220,
    "matched_terms": -0.122,
    "matched_names": -0.466,
    "matched_plain": 2.646,
    "unmatched": 0.229,
    "coverage": 0.413,
    "coverage_before": -1.098,
    "coverage_titled": 5.966,
    "names": 0.373,
    "numbers": -0.031,
    "plain": -0.789,
    "missing": 1.277,
    "phrases": 1.344,
    "offers": 0.818,
    "length": -0.672,
    "leans": -0.524,
    "dense": 1.137,
    "lexical": 0.684,
    "offers_who": -0.323,
    "offers_when": 0.250,
    "offers_where": -0.046,
    "offers_number": 1.066,
    "offers_why": -0.463,
    "offers_list": 0.338,
    "offers_ordinal": -0.003,
}
ANSWERS: Mapping[str, float] = {
    "bias": -4.282,
    "reader": 0.614,
    "reader_any": 0.206,
    "similarity_max": 0.455,
    "names_passage": 2.681,
    "numbers_passage": 0.804,
    "numbers_all": 1.560,
    "strangers": -1.419,
    "missing_all": 1.315,
    "rank": 0.072,
    "lead": -0.559,
    "terms": 1.132,
}
RIGHT: Mapping[str, float] = {
    "bias": -5.106,
    "reader": 0.419,
    "reader_any": -0.295,
    "similarity_max": 0.462,
    "names_passage": 1.141,
    "numbers_passage": 0.400,
    "numbers_all": 0.548,
    "strangers": -0.328,
    "missing_all": 0.568,
    "rank": 1.389,
    "lead": 0.707,
    "terms": 0.951,
}
