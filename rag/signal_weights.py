"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-10"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .96 of the answerable questions are
# answered and .73 of the others refused; at .80 it is .86 and .86.
THRESHOLD = 0.54

RANK: Mapping[str, float] = {
    "reader": 0.688,
    "similarity": 0.641,
    "matched": 2.513,
    "matched_terms": -0.392,
    "matched_names": -0.837,
    "matched_plain": 2.734,
    "unmatched": 0.207,
    "coverage": 0.432,
    "coverage_before": -1.300,
    "coverage_titled": 6.519,
    "names": 0.416,
    "numbers": 0.013,
    "plain": -1.048,
    "missing": 1.154,
    "phrases": 1.788,
    "offers": 0.996,
    "length": -0.680,
    "leans": -0.445,
    "dense": 1.125,
    "lexical": 0.575,
    "offers_who": -0.207,
    "offers_when": 0.220,
    "offers_where": -0.118,
    "offers_number": 1.477,
    "offers_why": -0.652,
    "offers_list": 0.303,
    "offers_ordinal": -0.028,
}
ANSWERS: Mapping[str, float] = {
    "bias": -4.015,
    "reader": 0.470,
    "reader_any": 0.277,
    "similarity_max": 0.491,
    "names_passage": 2.337,
    "numbers_passage": 0.799,
    "numbers_all": 1.763,
    "strangers": -1.270,
    "missing_all": 1.166,
    "rank": 0.368,
    "lead": -0.212,
    "terms": 0.730,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.880,
    "reader": 0.433,
    "reader_any": -0.293,
    "similarity_max": 0.424,
    "names_passage": 0.960,
    "numbers_passage": 0.499,
    "numbers_all": 0.586,
    "strangers": -0.223,
    "missing_all": 0.327,
    "rank": 1.214,
    "lead": 0.843,
    "terms": 0.907,
}
