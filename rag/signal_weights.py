"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-14"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. Over the dev halves of briefs and of short questions the F of refusals is highest here. On
# dev stories that the weights did not see (n = 468), .95 of the answerable questions are answered and .88 of the others
# refused; at .80 it is .92 and .91.
THRESHOLD = 0.66

ANSWERS_SCALE, ANSWERS_SHIFT = 1.556, 3.217
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
    "closer": 0.717,
    "reader": 0.275,
    "similarity": -0.345,
    "matched": 0.468,
    "matched_terms": -0.440,
    "matched_names": -0.176,
    "matched_plain": 1.620,
    "unmatched": -0.107,
    "coverage": 0.570,
    "coverage_before": -0.352,
    "coverage_titled": 4.077,
    "names": 0.034,
    "numbers": -0.010,
    "plain": -0.514,
    "missing": 1.232,
    "phrases": 0.545,
    "offers": 0.433,
    "length": -0.801,
    "leans": 0.267,
    "dense": 0.580,
    "lexical": 0.579,
    "offers_who": -0.104,
    "offers_when": 0.259,
    "offers_where": -0.313,
    "offers_number": 0.223,
    "offers_why": -0.552,
    "offers_list": 0.929,
    "offers_ordinal": -0.008,
}
HERE: Mapping[str, float] = {
    "bias": -2.077,
    "similarity_max": 2.620,
    "matched_max": 1.362,
    "rank": 3.040,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.513,
    "closer": 0.504,
    "reader": 0.210,
    "lead": -0.234,
    "names_passage": 2.197,
    "numbers_all": 2.054,
    "strangers": -1.352,
    "missing_all": 2.281,
}
RIGHT: Mapping[str, float] = {
    "bias": -6.468,
    "closer": 0.160,
    "reader": 0.229,
    "reader_any": -0.275,
    "similarity_max": 0.934,
    "names_passage": 1.235,
    "numbers_passage": 0.338,
    "numbers_all": 1.090,
    "strangers": -0.569,
    "missing_all": 0.653,
    "rank": 2.813,
    "lead": 0.792,
    "terms": 1.270,
}
