"""Rankings scored: hit@1, recall, MRR and nDCG, over documents, gold spans or passages that answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import ir_measures

from rag.evaluation.answering import contains
from rag.evaluation.question import GoldMode, GoldSpan
from rag.evaluation.records import Hit

_DEPTH = 10
# RR without a cutoff, because pytrec_eval has none for it: every run is cut at `_DEPTH` before it is scored.
_NAMES = {
    ir_measures.Success @ 1: "hit@1",
    ir_measures.R @ 5: "recall@5",
    ir_measures.R @ 10: "recall@10",
    ir_measures.RR: "mrr@10",
    ir_measures.nDCG @ 10: "ndcg@10",
}
_FOUND = "g"

THE_ANSWER: Mapping[str, int] = {_FOUND: 1}
"""Relevance for the ids of `answer_covered`: there is one thing to find."""


def rank_measures(ranked: Sequence[str], relevance: Mapping[str, int]) -> dict[str, float]:
    """Score the ranking of one question. About 0.2 ms.

    With grade g(r) of the id at rank r, and R ids of a grade of at least 1:

    - hit@1: whether g(1) >= 1.
    - recall@k: ids of a grade of at least 1 among the first k, divided by R. Its best value is below 1 where R > k.
    - mrr@10: 1 / rank of the first id of a grade of at least 1, or 0 where none is among the first 10.
    - ndcg@10: the sum of g(r) / log2(r + 1) to rank 10, divided by the same sum of the best ranking.

    All are in [0, 1]; an id without a grade counts as grade 0.

    Args:
        ranked: ids, best first. The first of the same ids counts; later ones take no rank.
        relevance: grade by id.

    Raises:
        ValueError: nothing is relevant. Such a question is unscored: leave it out, it is not 0.

    Source: Järvelin & Kekäläinen, TOIS 2002, for nDCG, in trec_eval's variant (`ndcg_cut`: linear gain, the ideal
    ranking is over all graded ids), as in BEIR; Voorhees, TREC-8 1999, for the reciprocal rank. Computed by
    ir_measures (MacAvaney, Macdonald & Ounis, ECIR 2022).
    """
    return rank_measures_of({"q": ranked}, {"q": relevance})["q"]


def rank_measures_of(
    runs: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Score the rankings of many questions at once; the measures are those of `rank_measures`.

    Args:
        runs: ids by question, best first.
        qrels: grade by id by question; questions that have no ranking in `runs` are passed over.

    Raises:
        ValueError: a question has nothing relevant.
    """
    unscored = [question for question in runs if not any(g > 0 for g in qrels.get(question, {}).values())]
    if unscored:
        raise ValueError(f"Question {unscored[0]!r} has nothing relevant ({len(unscored)} such); leave it out.")
    if not runs:
        return {}
    # pytrec_eval knows no grade below 0; BEIR and TREC have -1 and -2 for junk, which gains nothing.
    judged = {question: {id_: max(grade, 0) for id_, grade in qrels[question].items()} for question in runs}
    scored: dict[str, dict[str, float]] = {question: {} for question in runs}
    for metric in ir_measures.iter_calc(_NAMES, judged, {q: _with_scores(ids) for q, ids in runs.items()}):
        scored[metric.query_id][_NAMES[metric.measure]] = float(metric.value)
    return {question: {name: values[name] for name in _NAMES.values()} for question, values in scored.items()}


def span_relevance(gold: Sequence[GoldSpan], mode: GoldMode) -> dict[str, int]:
    """Return the relevance for the ids of `spans_covered`: one thing to find with mode "any", else one a span."""
    return dict.fromkeys(_span_ids(gold, mode), 1)


def spans_covered(hits: Sequence[Hit], gold: Sequence[GoldSpan], *, mode: GoldMode) -> list[str]:
    """Turn a ranking of passages into a ranking of the gold spans that they cover, for `rank_measures`.

    A passage covers a span of the same document when it holds at least half of the span's characters or, where it has
    no offsets, when its text holds the span's text (whitespace collapsed).

    | passage, in order           | ids, mode "all" | ids, mode "any" |
    |-----------------------------|-----------------|-----------------|
    | covers spans 0 and 1        | "g0", "g1"      | "g"             |
    | covers span 1               | "miss2"         | "miss2"         |
    | covers nothing              | "miss3"         | "miss3"         |

    A passage that covers several spans takes as many ranks, so that nDCG stays in [0, 1]; `passage_measures` counts
    recall by passages.
    """
    ids = _span_ids(gold, mode)
    return _first_found(
        [id_ for id_, span in zip(ids, gold, strict=True) if _covers(hit, span, _squeezed(hit.text))] for hit in hits
    )


def passage_measures(hits: Sequence[Hit], gold: Sequence[GoldSpan], *, mode: GoldMode) -> dict[str, float]:
    """Score a ranking of passages by the gold spans that they cover; names and ranges as in `rank_measures`.

    recall@k is the share of the spans that the first k passages cover together; hit@1, MRR and nDCG are those of the
    ids of `spans_covered`. Where no passage covers two spans at once, all five are.

    Raises:
        ValueError: there is no gold span.
    """
    relevance = span_relevance(gold, mode)
    scores = rank_measures(spans_covered(hits, gold, mode=mode), relevance)
    for k in (5, 10):
        found = relevance.keys() & set(spans_covered(hits[:k], gold, mode=mode))
        scores[f"recall@{k}"] = len(found) / len(relevance)
    return scores


def answer_covered(hits: Sequence[Hit], gold_docs: Sequence[str], answers: Sequence[str]) -> list[str]:
    """Turn a ranking of passages into ids for `rank_measures` with `THE_ANSWER`, where answers stand in no known span.

    The one thing to find, "g", is a passage of a gold document that contains an accepted answer (`contains`). Other
    passages are "miss<rank>", later ones of that kind too.
    """
    return _first_found([_FOUND] if h.doc_id in gold_docs and contains(h.text, answers) else [] for h in hits)


def _with_scores(ranked: Sequence[str]) -> dict[str, float]:
    """Give descending scores to the first ids. trec_eval orders by score, and equal scores by id, not as given."""
    first = list(dict.fromkeys(ranked))[:_DEPTH]
    return {id_: float(len(first) - position) for position, id_ in enumerate(first)}


def _span_ids(gold: Sequence[GoldSpan], mode: GoldMode) -> list[str]:
    return [_FOUND if mode == "any" else f"g{n}" for n in range(len(gold))]


def _first_found(covered: Iterable[Sequence[str]]) -> list[str]:
    """List what each passage covers and no earlier one did, or "miss<rank>"."""
    ids: dict[str, None] = {}
    for rank, found in enumerate(covered, 1):
        new = [id_ for id_ in found if id_ not in ids]
        ids.update(dict.fromkeys(new or [f"miss{rank}"]))
    return list(ids)


def _covers(hit: Hit, span: GoldSpan, squeezed: str) -> bool:
    if hit.doc_id != span.doc_id:
        return False
    if hit.start is None or hit.end is None:
        text = _squeezed(span.text)
        return bool(text) and text in squeezed
    overlap = min(hit.end, span.end) - max(hit.start, span.start)
    return overlap > 0 and 2 * overlap >= span.end - span.start


def _squeezed(text: str) -> str:
    return " ".join(text.split())
