"""Citations scored: whether they reach the gold, support their sentence, stand in the source, and keep its speaker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.evaluation.question import GoldMode, GoldSpan
from rag.evaluation.records import AnswerSentence, Cited, Said
from rag.lexicon import STOP_WORDS

Entails = Callable[[str, str], bool | None]
"""Whether a premise entails a hypothesis; None where it cannot tell."""


@dataclass(frozen=True, slots=True)
class CitationScores:
    """ALCE's scores of one answer.

    Attributes:
        recall: share of the scored sentences that their citations support; None where none is scored.
        precision: share of the scored citations that are precise; None where none is scored.
        n_sentences: sentences of the answer.
        n_scored: those whose recall could be told.
        n_citations: citations of the answer.
        n_citations_scored: those of sentences in which the precision of every citation could be told.
    """

    recall: float | None
    precision: float | None
    n_sentences: int
    n_scored: int
    n_citations: int
    n_citations_scored: int


def gold_cited(said: Said, gold: Sequence[GoldSpan], mode: GoldMode) -> bool | None:
    """Whether the citations reach a gold span, or each of them with mode "all"; None without a gold span.

    A citation reaches a span of the same document that it overlaps by at least half of the shorter of both. Whether it
    is valid is another measure, `spans_valid`.
    """
    if not gold:
        return None
    reached = [any(reaches(citation, span) for citation in _citations(said)) for span in gold]
    return all(reached) if mode == "all" else any(reached)


def spans_valid(said: Said) -> float | None:
    """Return the share of the citations that are valid, in [0, 1]; None without a citation."""
    valid = [citation.valid for citation in _citations(said)]
    return sum(valid) / len(valid) if valid else None


def citation_scores(said: Said, entails: Entails) -> CitationScores:
    """Score the citations of an answer by what they entail. At most 1 + 2n calls of `entails` for n citations.

    - A sentence has recall 1 if it has citations and their quotes, one after the other, entail it; otherwise 0.
    - A citation is precise if its sentence has recall 1, and it entails the sentence alone or the others do not
      entail it without it. In a sentence with one citation precision is recall.

    recall = mean over the sentences; precision = precise citations / citations. Both are in [0, 1]. An answer that
    cites nothing has 0 for both, a refusal has neither. ALCE's figures are means of these over the answers.

    Where `entails` cannot tell, the sentence is left out of recall and precision; where it cannot tell for a part of
    its citations, out of precision alone.

    Source: Gao et al., "Enabling Large Language Models to Generate Text with Citations", EMNLP 2023, section 3, and
    `compute_autoais` of its code; here with quotes for passages, and without the cut at three citations a sentence.
    """
    recalls: list[bool] = []
    precisions: list[bool] = []
    for sentence in said.sentences:
        recalled = _recalled(sentence, entails)
        if recalled is None:
            continue
        recalls.append(recalled)
        precisions += _precise(sentence, recalled, entails) or ()
    n_citations = len(_citations(said))
    # As in ALCE, an answer that cites nothing has precision 0, and not none: silence on sources must not pay.
    cites_nothing = bool(recalls) and not n_citations
    return CitationScores(
        recall=sum(recalls) / len(recalls) if recalls else None,
        precision=0.0 if cites_nothing else sum(precisions) / len(precisions) if precisions else None,
        n_sentences=len(said.sentences),
        n_scored=len(recalls),
        n_citations=n_citations,
        n_citations_scored=len(precisions),
    )


def verbatim(premise: str, hypothesis: str) -> bool | None:
    """Return True where the hypothesis stands word for word in the premise, whitespace collapsed; None otherwise.

    An `Entails` without a model: what is not verbatim may be entailed all the same.
    """
    wanted = " ".join(hypothesis.split())
    return True if wanted and wanted in " ".join(premise.split()) else None


# Forms that report speech. Bare forms that are nouns as well ("claim", "report") are left out, and so are those that
# mostly report deeds in histories ("responded by", "recalled its ambassador").
_REPORTS = frozenset(
    """say says said tell tells told announce announces announced claimed warn warns warned argue argues argued deny
    denies denied declare declares declared insist insists insisted confirm confirms confirmed stated reported allege
    alleges alleged assert asserts asserted acknowledge acknowledges acknowledged admit admits admitted explain
    explains explained noted stressed emphasised emphasized suggest suggests suggested contend contends contended
    vowed pledged replied wrote writes remarked commented reiterated complained predicted believe believes
    believed concede concedes conceded disclosed testified""".split()
)
# Forms that report speech only where "that" follows ("Russia claims that", but "its claims in Asia"), and where that
# or punctuation does.
_REPORTS_THAT = frozenset("claims reports states notes stresses maintains maintained estimates holds".split())
_REPORTS_AT_END = frozenset("adds added".split())
_AUXILIARIES = frozenset("has have had also later then again already would will did does may might could still".split())
_BE = frozenset("is are was were be been being".split())
# Words that a noun follows, or an infinitive: "the claims of", "to say".
_NO_SUBJECT = frozenset(
    """the a an of by to for with in on at from into about these those its his her their our my your no any some such
    many all several new""".split()
)
_BOUNDARIES = frozenset(
    """that and but or while because when where if although though after before since as whereas
    , ; : . ! ? ( ) – —""".split()
)
_QUOTES = frozenset("\"“”«»„'‘’")
_TOKEN = re.compile(r"\w+(?:[.'’\-]\w+)*|[^\w\s]")
# Most words that are looked at for the speaker on one side of the verb.
_SPEAKER_WORDS = 8


@dataclass(frozen=True, slots=True)
class _Report:
    """A reporting clause: its verb, or "according", and the words that name its speaker."""

    verb: str
    speaker: frozenset[str]


def attribution_kept(sentence: str, source_sentence: str) -> bool | None:
    """Whether a shown sentence keeps who says it; None where the source sentence reports nobody's speech.

    True where a reporting clause of the source sentence is shown: its verb (a lexicon of about 85 forms) or "according
    to", and a word of its speaker. Of several clauses one is enough. A heuristic on words and punctuation, without a
    parser: the speaker is what stands before the verb, after it where the order is inverted ("…", said Peskov), or
    after "by" in the passive. A denied report ("did not say") and one without a speaker ("it was announced") are none.

    | source sentence                          | shown                   | kept  |
    |------------------------------------------|-------------------------|-------|
    | Peskov said the talks had failed.        | the talks had failed.   | False |
    | Peskov said the talks had failed.        | Peskov said the talks … | True  |
    | The talks failed in May.                 | The talks failed        | None  |

    Source: after the "lost attribution" errors of "Not Wrong, But Untrue", arXiv 2509.25498.
    """
    reports = tuple(_reports(source_sentence))
    if not reports:
        return None
    shown = {_bare(token) for token in _tokens(sentence)}
    return any(report.verb in shown and report.speaker & shown for report in reports)


def _citations(said: Said) -> list[Cited]:
    return [citation for sentence in said.sentences for citation in sentence.citations]


def reaches(citation: Cited, span: GoldSpan) -> bool:
    """Whether a citation overlaps a span of its document by at least half of the shorter of both."""
    overlap = min(citation.end, span.end) - max(citation.start, span.start)
    shorter = min(citation.end - citation.start, span.end - span.start)
    return citation.doc_id == span.doc_id and overlap > 0 and 2 * overlap >= shorter


def _premise(citations: Sequence[Cited]) -> str:
    return "\n".join(citation.quote for citation in citations)


def _recalled(sentence: AnswerSentence, entails: Entails) -> bool | None:
    return entails(_premise(sentence.citations), sentence.text) if sentence.citations else False


def _precise(sentence: AnswerSentence, recalled: bool, entails: Entails) -> list[bool] | None:
    """Return whether each citation is precise; None where that cannot be told of one."""
    citations = sentence.citations
    if not recalled or len(citations) < 2:
        return [recalled] * len(citations)
    verdicts: list[bool] = []
    for position, citation in enumerate(citations):
        needed = _needed(citation, (*citations[:position], *citations[position + 1 :]), sentence.text, entails)
        if needed is None:
            return None
        verdicts.append(needed)
    return verdicts


def _needed(citation: Cited, others: Sequence[Cited], text: str, entails: Entails) -> bool | None:
    """Whether a citation entails the sentence alone, or the others do not entail it without this one."""
    alone = entails(citation.quote, text)
    if alone:
        return True
    without = entails(_premise(others), text)
    if without is False:
        return True
    return None if alone is None or without is None else False


def _tokens(text: str) -> list[str]:
    return [match.group() for match in _TOKEN.finditer(text)]


def _bare(token: str) -> str:
    return re.sub(r"['’]s?$", "", token.lower())


def _reports(text: str) -> Iterator[_Report]:
    """Yield the reporting clauses of a sentence that name a speaker."""
    tokens = _tokens(text)
    for i, token in enumerate(tokens):
        word = token.lower()
        following = tokens[i + 1 : i + 2]
        if word == "according" and following == ["to"]:
            speaker = _named(_run(tokens[i + 2 :]))
        elif word in _REPORTS or _opens_report(word, following):
            speaker = _speaker(tokens, i)
        else:
            continue
        if speaker:
            yield _Report(word, speaker)


def _opens_report(word: str, following: Sequence[str]) -> bool:
    """Whether a form with other uses reports speech here."""
    if word in _REPORTS_AT_END:
        return not following or following[0] in ("that", ",", ":", ".") or following[0] in _QUOTES
    return word in _REPORTS_THAT and following == ["that"]


def _speaker(tokens: Sequence[str], verb: int) -> frozenset[str]:
    """Return the words for who speaks; none where the form at `verb` is a noun, negated, or passive with no "by"."""
    at = verb
    while at and (
        tokens[at - 1].lower() in _AUXILIARIES | _BE or _negates(tokens[at - 1]) or _is_adverb(tokens[at - 1])
    ):
        at -= 1
    helpers = {token.lower() for token in tokens[at:verb]}
    after = tokens[verb + 1 :]
    if any(map(_negates, helpers)):
        return frozenset()
    if helpers & _BE:
        run = _run(after)
        return _named(run[run.index("by") + 1 :]) if "by" in run else frozenset()
    subject = _run(tokens[:at][::-1])
    if subject and subject[0].lower() == "who":
        return _named(tokens[:at])
    if subject:
        used_as_noun = subject[0].lower() in _NO_SUBJECT or re.search(r"['’]s?$", subject[0])
        return frozenset() if used_as_noun else _named(subject)
    return _speaker_elsewhere(tokens[:at], after)


def _speaker_elsewhere(before: Sequence[str], after: Sequence[str]) -> frozenset[str]:
    """Return the speaker where none stands directly before the verb: inverted, in apposition, or shared by "and"."""
    if before and before[-1].lower() in ("and", "but"):
        return _named([token for token in before if token[0].isupper()] or before)
    quoted = any(token in _QUOTES for token in before[-2:])
    if before and before[-1] != "," and not quoted:
        return frozenset()
    commas = [position for position, token in enumerate(before) if token == ","]
    apposition = len(commas) > 1 and commas[-1] == len(before) - 1 and not quoted
    if apposition and commas[-2] <= _SPEAKER_WORDS:
        return _named(before)
    return _named(_run(after))


def _run(tokens: Sequence[str]) -> list[str]:
    """Return the first words, up to a boundary."""
    run: list[str] = []
    for token in tokens[:_SPEAKER_WORDS]:
        if token.lower() in _BOUNDARIES or token in _QUOTES:
            break
        run.append(token)
    return run


def _named(tokens: Sequence[str]) -> frozenset[str]:
    """Return the words that can name a speaker; a pronoun where there is nothing else."""
    words = [_bare(token) for token in tokens if token[0].isalpha()]
    content = frozenset(word for word in words if word not in STOP_WORDS and not _is_adverb(word))
    return content or frozenset(word for word in words if word in ("he", "she", "they", "it", "we", "i", "who"))


def _negates(word: str) -> bool:
    return word.lower() in ("not", "never") or word.lower().endswith(("n't", "n’t"))


def _is_adverb(word: str) -> bool:
    return word.islower() and len(word) > 4 and word.endswith("ly")
