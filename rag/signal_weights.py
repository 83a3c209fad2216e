"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-15"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. Over the dev halves of briefs and of short questions the F of refusals is highest here. On
# dev stories that the weights did not see (n = 468), .95 of the answerable questions are answered and .88 of the others
# refused; at .80 it is .92 and .91.
THRESHOLD = 0.66

ANSWERS_SCALE, ANSWERS_SHIFT = 1.150, 2.813
"""Of the log-odds that anything answers, so that they are probabilities of that."""

RANK: Mapping[str, float] = {
    "reader": 0.838,
    "similarity": 0.408,
    "matched": 1.545,
    "matched_terms": -0.424,
    "matched_names": -0.173,
    "matched_plain": 2.075,
    "unmatched": 0.410,
    "coverage": 0.255,
    "coverage_before": -0.621,
    "coverage_titled": 5.354,
    "names": 0.146,
    "numbers": -0.062,
    "plain": -0.557,
    "missing": 1.813,
    "phrases": 0.755,
    "offers": 0.631,
    "length": -0.530,
    "leans": -0.332,
    "dense": 0.815,
    "lexical": 0.625,
    "offers_who": -0.566,
    "offers_when": 0.444,
    "offers_where": 0.073,
    "offers_number": 0.563,
    "offers_why": -0.258,
    "offers_list": 0.383,
    "offers_ordinal": -0.007,
}
CLOSE_RANK: Mapping[str, float] = {
    "closer": 1.296,
    "reader": 0.326,
    "similarity": -0.820,
    "matched": 0.586,
    "matched_terms": 0.200,
    "matched_names": 0.029,
    "matched_plain": 1.872,
    "unmatched": 0.372,
    "coverage": 0.625,
    "coverage_before": -0.663,
    "coverage_titled": 4.187,
    "names": 0.205,
    "numbers": 0.046,
    "plain": -0.398,
    "missing": 0.869,
    "phrases": 0.593,
    "offers": 0.217,
    "length": -0.219,
    "leans": 0.038,
    "dense": 0.503,
    "lexical": 0.497,
    "offers_who": -0.155,
    "offers_when": 0.043,
    "offers_where": -0.158,
    "offers_number": 0.107,
    "offers_why": -0.356,
    "offers_list": 0.737,
    "offers_ordinal": -0.002,
}
HERE: Mapping[str, float] = {
    "bias": -2.638,
    "similarity_max": 2.891,
    "matched_max": 2.016,
    "rank": 3.339,
}
ANSWERS: Mapping[str, float] = {
    "bias": -2.711,
    "closer": 0.975,
    "reader": 0.310,
    "lead": 0.060,
    "names_passage": 2.255,
    "numbers_all": 1.631,
    "strangers": -1.344,
    "missing_all": 1.997,
}
RIGHT: Mapping[str, float] = {
    "bias": -6.075,
    "closer": 0.385,
    "reader": 0.276,
    "reader_any": -0.322,
    "similarity_max": 1.298,
    "names_passage": 1.340,
    "numbers_passage": 0.443,
    "numbers_all": 0.882,
    "strangers": -0.554,
    "missing_all": 0.559,
    "rank": 3.248,
    "lead": 0.787,
    "terms": 1.060,
}
