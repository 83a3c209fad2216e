"""The names of the measures, their groups in the tables, and how to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["retrieval over documents", "retrieval over passages", "reading", "answers", "refusal", "citations"]


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure. A share is in [0, 1], and the higher the better unless `lower_is_better`; another is only told."""

    name: str
    label: str
    group: Group
    meaning: str
    lower_is_better: bool = False
    is_share: bool = True


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        # Documents are those of the first 10 passages, each where its best passage stands.
        Measure("doc_hit@1", "hit@1", "retrieval over documents", "a gold document is first"),
        Measure("doc_recall@5", "R@5", "retrieval over documents", "share of the gold documents among the first 5"),
        Measure("doc_recall@10", "R@10", "retrieval over documents", "share of the gold documents among the first 10"),
        Measure("doc_mrr@10", "MRR@10", "retrieval over documents", "1 / rank of the first gold document, to rank 10"),
        Measure("doc_ndcg@10", "nDCG@10", "retrieval over documents", "discounted gain of the gold documents"),
        Measure("passage_hit@1", "hit@1", "retrieval over passages", "the first passage holds a gold span"),
        Measure("passage_recall@5", "R@5", "retrieval over passages", "share of the gold spans in the first 5"),
        Measure("passage_recall@10", "R@10", "retrieval over passages", "share of the gold spans in the first 10"),
        Measure("passage_mrr@10", "MRR@10", "retrieval over passages", "1 / rank of the first that holds a gold span"),
        Measure("passage_ndcg@10", "nDCG@10", "retrieval over passages", "discounted gain of the gold spans"),
        Measure("unit_hit@1", "unit@1", "reading", "the unit that the reader puts first answers"),
        Measure("unit_hit@3", "unit@3", "reading", "one of the reader's first three units answers"),
        Measure("contains", "contains", "answers", "an accepted answer stands in the answer (SQuAD's normal form)"),
        Measure("exact_match", "EM", "answers", "the answer equals an accepted one (SQuAD's normal form)"),
        Measure("f1", "F1", "answers", "overlap of words with the closest accepted answer (SQuAD)"),
        Measure("list_recall", "list R", "answers", "share of the wanted items that stand in the answer"),
        Measure("answer_recall", "word R", "answers", "share of the reference's words that stand in the answer"),
        Measure(
            "gold_cited", "gold cited", "answers", "the answer cites a gold span (all of them where all are needed)"
        ),
        Measure("polar", "yes/no", "answers", "a stated yes or no is right"),
        Measure(
            "stale", "stale", "answers", "the answer holds a wrong value and no accepted one", lower_is_better=True
        ),
        Measure("words", "words", "answers", "words of an answer, where one was given", is_share=False),
        Measure("correct", "right", "answers", "right answers and due refusals, of all questions"),
        Measure("refusal_precision", "P", "refusal", "share of the refusals that were due"),
        Measure("refusal_recall", "R", "refusal", "share of the unanswerable questions that were refused"),
        Measure("refusal_f1", "F1", "refusal", "harmonic mean of both"),
        Measure("refusal_auroc", "AUROC", "refusal", "chance that an answerable question has the higher confidence"),
        Measure("aurc", "AURC", "refusal", "area under the risk-coverage curve", lower_is_better=True),
        Measure("answered", "answered", "refusal", "share of the answerable questions that were answered"),
        Measure("span_valid", "valid", "citations", "citations whose quote stands at its span, digests included"),
        Measure("citation_recall", "R", "citations", "share of verbatim sentences that their citations hold (ALCE)"),
        Measure("citation_precision", "P", "citations", "share of the citations of these that are needed (ALCE)"),
        Measure("attribution_kept", "attribution", "citations", "quoted speech that is shown with its speaker"),
    )
}
