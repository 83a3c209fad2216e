"""Weights of the signals, fitted by `evals/training/head/fit.py`; see there for the data and the split."""

from __future__ import annotations

from collections.abc import Mapping

SUPPORT_SCALE, SUPPORT_BIAS = 0.529, 0.749
"""Of the verifier's log-odds, so that they are those of its being right."""

SUPPORT_THRESHOLD = 0.5

HEAD = "signals-5"
"""Name of these weights in an answer's identities."""

# Below it nothing is quoted. On dev stories that the weights did not see (n = 468), .95 of the answerable questions are
# answered and .60 of the others refused; at .80 it is .82 and .80.
THRESHOLD = 0.52

RANK: Mapping[str, float] = {
    "reader": 0.752,
    "similarity": 0.789,
    "matched": 3.129,
    "matched_terms": -0.701,
    "matched_names": -0.893,
    "matched_plain": 2.861,
    "unmatched": 0.505,
    "coverage": 0.572,
    "coverage_before": -1.815,
    "coverage_titled": 5.740,
    "names": 0.396,
    "numbers": 0.032,
    "plain": -0.932,
    "missing": 1.204,
    "phrases": 1.406,
    "offers": 0.588,
    "negation": -0.083,
    "length": 0.288,
    "leans": -0.489,
    "complete": -0.160,
    "asks": 0.000,
    "dense": 1.187,
    "lexical": 0.611,
    "offers_who": -0.068,
    "offers_when": 0.277,
    "offers_where": 0.053,
    "offers_number": 1.335,
    "offers_why": -0.574,
    "offers_list": -0.424,
    "offers_ordinal": -0.010,
}
ANSWERS: Mapping[str, float] = {
    "bias": -3.839,
    "reader": 0.422,
    "reader_any": 0.540,
    "similarity_max": 0.738,
    "names_passage": 1.660,
    "numbers_passage": 0.581,
    "numbers_all": 1.008,
    "strangers": -1.190,
    "missing_all": 1.207,
    "rank": -0.210,
    "lead": -0.072,
    "terms": 1.423,
}
RIGHT: Mapping[str, float] = {
    "bias": -4.347,
    "reader": 0.529,
    "reader_any": -0.249,
    "similarity_max": 0.329,
    "names_passage": 0.907,
    "numbers_passage": 0.427,
    "numbers_all": 0.311,
    "strangers": -0.258,
    "missing_all": 0.289,
    "rank": 0.826,
    "lead": 0.739,
    "terms": 1.098,
}
