"""One question under one system: what it gave, told in records, and every measure that applies to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.answer import Answer, Citation
from rag.catalogue import Catalogue
from rag.evaluation import answering, citing
from rag.evaluation.checks import accepted
from rag.evaluation.question import Dataset, Question, doc_id_of
from rag.evaluation.ranking import THE_ANSWER, answer_covered, passage_measures, rank_measures
from rag.evaluation.records import AnswerSentence, Cited, Gold, Hit, QuestionRecord, Said

FIRST = "first passage of"
SHOWN_HITS = 5
"""Hits whose text is kept in the records of questions that were answered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system gave for one question.

    Attributes:
        ranked: passages of the whole corpus, best first.
        asked: whether an answer was wanted.
        first: the first passage of the gold documents, if one is found, where answers may draw on those alone; else
            None.
    """

    ranked: tuple[Document, ...]
    answer: Answer | None
    timings_ms: dict[str, float]
    asked: bool = True
    first: tuple[Document, ...] | None = None
    error: str | None = None

    @property
    def found(self) -> tuple[Document, ...]:
        """What an answer may draw on, best first."""
        return self.ranked if self.first is None else self.first


def records_of(
    name: str, question: Question, outcome: Outcome, dataset: Dataset, catalogue: Catalogue
) -> list[QuestionRecord]:
    """Score an outcome: one record, and a second one that takes the first passage as answer if the system has none."""
    others = [passage for passage in outcome.ranked if not _is_itself(question, passage, dataset)]
    hits = [_hit(rank, passage) for rank, passage in enumerate(others, 1)]
    said = None if outcome.answer is None else _said(outcome.answer, catalogue)
    scores: dict[str, float] = {}  # of a system that failed nothing is known
    if outcome.error is None:
        scores = {**_ranking_scores(question, hits, dataset), **_reading_scores(question, outcome, dataset)}
    confidence = _confidence(outcome)
    records = [_record(name, question, outcome, hits, said, scores, confidence, dataset)]
    if outcome.asked and said is None and outcome.error is None:
        first = _first_passage(outcome.found[:1], catalogue)
        bare = Outcome((), None, {})
        records.append(_record(f"{FIRST} {name}", question, bare, [], first, {}, confidence, dataset))
    return records


def _is_itself(question: Question, passage: Document, dataset: Dataset) -> bool:
    """Whether a query finds itself, which counts for nothing, as in BEIR: some of its sets ask of documents."""
    return dataset.form == "beir" and doc_id_of(str(passage.metadata["brief_id"])) == question.id


def _record(
    name: str,
    question: Question,
    outcome: Outcome,
    hits: Sequence[Hit],
    said: Said | None,
    scores: dict[str, float],
    confidence: float | None,
    dataset: Dataset,
) -> QuestionRecord:
    correct: bool | None = None
    if said is not None:
        cited = citing.gold_cited(said, question.gold, question.gold_mode) if question.gold else None
        correct = answering.is_right(question, said, cited, extractive=dataset.extractive)
        scores = {**scores, **_answer_scores(question, said, cited), **_citation_scores(said)}
        if correct is not None:
            scores["correct"] = float(correct)
    kept = [hit if outcome.asked and hit.rank <= SHOWN_HITS else hit.model_copy(update={"text": ""}) for hit in hits]
    answer = outcome.answer
    return QuestionRecord(
        id=question.id,
        system=name,
        question=question.text,
        types=question.types,
        group=question.group,
        answerable=question.answerable,
        n_history=len(question.history),
        answers=question.answers or tuple(" | ".join(item) for item in question.items),
        gold=tuple(Gold(doc_id=g.doc_id, start=g.start, end=g.end, text=g.text) for g in question.gold),
        gold_docs=question.doc_ids,
        hits=tuple(kept),
        said=said,
        standalone_question=None if answer is None else answer.standalone_question,
        confidence=confidence,
        score=None if answer is None else _best_score(answer),
        correct=correct,
        scores=scores,
        timings_ms=outcome.timings_ms,
        error=outcome.error,
    )


def _ranking_scores(question: Question, hits: Sequence[Hit], dataset: Dataset) -> dict[str, float]:
    """Score the ranking of documents, and of passages where it is known which of them answer."""
    relevance = question.relevance or dict.fromkeys(question.doc_ids, 1)
    if not question.answerable or not any(grade > 0 for grade in relevance.values()):
        return {}
    by_doc = rank_measures([hit.doc_id for hit in hits], relevance)
    scores = {f"doc_{name}": value for name, value in by_doc.items()}
    if question.gold:
        by_passage = passage_measures(hits, question.gold, mode=question.gold_mode)
    elif dataset.extractive and question.answers:
        by_passage = rank_measures(answer_covered(hits, question.doc_ids, question.answers), THE_ANSWER)
    else:
        return scores
    return scores | {f"passage_{name}": value for name, value in by_passage.items()}


def _reading_scores(question: Question, outcome: Outcome, dataset: Dataset) -> dict[str, float]:
    """Score the order of the units that a reader marked in its evidence."""
    units = _units(outcome.answer) if outcome.answer else []
    known = bool(question.gold) or (dataset.extractive and bool(question.answers))
    if not units or not question.answerable or not known:
        return {}
    right = [_unit_is_right(question, unit) for unit in units[:3]]
    return {"unit_hit@1": float(right[0]), "unit_hit@3": float(any(right))}


def _units(answer: Answer) -> list[Cited]:
    """Return the marked units of the evidence, best first."""
    marked = [(mark["score"], p, mark) for p in answer.evidence for mark in p.metadata.get("marked", ())]
    marked.sort(key=lambda m: -m[0])
    return [_slice(passage, mark["start"], mark["end"]) for _, passage, mark in marked]


def _slice(passage: Document, start: int, end: int) -> Cited:
    offset = passage.metadata["start"]
    text = passage.page_content[start - offset : end - offset]
    return Cited(doc_id=doc_id_of(passage.metadata["brief_id"]), start=start, end=end, quote=text, valid=True)


def _unit_is_right(question: Question, unit: Cited) -> bool:
    if question.gold:
        return any(citing.reaches(unit, span) for span in question.gold)
    return unit.doc_id in question.doc_ids and answering.contains(unit.quote, question.answers)


def _answer_scores(question: Question, said: Said, cited: bool | None) -> dict[str, float]:
    """Score an answer against what is accepted; a refusal of an answerable question has 0 of it."""
    if not question.answerable:
        return {"refused": float(said.abstained)}
    scores = {"answered": float(not said.abstained)}
    if not said.abstained:
        scores["words"] = float(len(said.text.split()))
    text = said.text
    if question.answers:
        scores |= {
            "contains": float(answering.contains(text, question.answers)),
            "exact_match": float(answering.exact_match(text, question.answers)),
            "f1": answering.f1(text, question.answers),
            "answer_recall": answering.answer_recall(text, question.answers),
        }
    if question.items:
        scores["list_recall"] = answering.list_recall(text, question.items)
    if cited is not None:
        scores["gold_cited"] = float(cited)
    if question.polar and (stated := answering.stated_polarity(text)):
        scores["polar"] = float(stated == question.polar)
    if question.wrong_answers and not said.abstained:
        scores["stale"] = float(answering.is_stale(text, accepted(question), question.wrong_answers))
    return scores


def _citation_scores(said: Said) -> dict[str, float]:
    if said.abstained:
        return {}
    found = citing.citation_scores(said, citing.verbatim)
    values = {
        "span_valid": citing.spans_valid(said),
        "citation_recall": found.recall,
        "citation_precision": found.precision,
        "attribution_kept": _attribution(said),
    }
    return {name: value for name, value in values.items() if value is not None}


def _attribution(said: Said) -> float | None:
    """Share of the quoted sentences with reported speech that are shown with their speaker."""
    kept = [
        found
        for sentence in said.sentences
        for cited in sentence.citations[:1]
        if (found := citing.attribution_kept(sentence.text, cited.source)) is not None
    ]
    return sum(kept) / len(kept) if kept else None


def _said(answer: Answer, catalogue: Catalogue) -> Said:
    sentences = tuple(
        AnswerSentence(text=s.text, citations=tuple(_cited(c, catalogue) for c in s.citations))
        for s in answer.sentences
    )
    return Said(sentences=sentences, reason=answer.reason)


def _cited(citation: Citation, catalogue: Catalogue) -> Cited:
    """Check a citation anew against the text in the catalogue, as anyone could."""
    data = citation.passage.metadata
    versions = catalogue.versions(data["brief_id"])
    cited = [version for version in versions if version.text_sha256 == data.get("text_sha256")]
    valid = any(version.text[citation.start : citation.end] == citation.quote for version in cited)
    return Cited(
        doc_id=doc_id_of(data["brief_id"]),
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        valid=valid,
        source=_source_unit(citation),
    )


def _source_unit(citation: Citation) -> str:
    """Return the whole units of the passage that a citation touches."""
    data = citation.passage.metadata
    touched = [u for u in data.get("units", ()) if u["start"] < citation.end and citation.start < u["end"]]
    if not touched:
        return citation.quote
    start, end = min(u["start"] for u in touched), max(u["end"] for u in touched)
    return citation.passage.page_content[start - data["start"] : end - data["start"]]


def _first_passage(found: Sequence[Document], catalogue: Catalogue) -> Said:
    """Take the first passage as the answer: what copying earns."""
    sentences = tuple(
        AnswerSentence(text=passage.page_content, citations=(_copied(passage, catalogue),)) for passage in found
    )
    return Said(sentences=sentences, reason=None if found else "nothing was found")


def _copied(passage: Document, catalogue: Catalogue) -> Cited:
    """Cite a whole passage: at its own span, else where its text first stands in its document."""
    data, quote = passage.metadata, passage.page_content
    brief_id = str(data["brief_id"])
    text = next((version.text for version in catalogue.versions(brief_id)), "")
    start = max(text.find(quote), 0) if data.get("start") is None else data["start"]
    end = start + len(quote) if data.get("end") is None else data["end"]
    return Cited(doc_id=doc_id_of(brief_id), start=start, end=end, quote=quote, valid=text[start:end] == quote)


def _hit(rank: int, passage: Document) -> Hit:
    data = passage.metadata
    doc_id = doc_id_of(str(data["brief_id"]))
    return Hit(rank=rank, doc_id=doc_id, start=data.get("start"), end=data.get("end"), text=passage.page_content)


def _confidence(outcome: Outcome) -> float | None:
    """Return the calibrated probability where there is one, else the reader's score, else the first similarity."""
    if outcome.answer is not None:
        if outcome.answer.answerable is not None:
            return outcome.answer.answerable
        score = _best_score(outcome.answer)
        if score is not None:
            return score
        found_nothing = outcome.answer.abstained and not outcome.answer.evidence
        return 0.0 if found_nothing else None
    similarities = [p.metadata.get("similarity") for p in outcome.found[:1]]
    return float(similarities[0]) if similarities and similarities[0] is not None else None


def _best_score(answer: Answer) -> float | None:
    """Return the score of the unit that the reader puts first; None where it scored none."""
    scores = [p.metadata["signals"]["score"] for p in answer.evidence if p.metadata.get("signals")]
    return float(max(scores)) if scores else None
