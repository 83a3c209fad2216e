"""Show what a writer writes only where it is proved, and quotes where it is not."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from rag.answer import Reading, Said, Sentence, Usage
from rag.lexicon import analyse
from rag.verify import Verifier
from rag.write import Tokens, Writer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """The sentences that were shown, in order, and what writing took."""

    sentences: tuple[Sentence, ...]
    usage: Usage
    notes: tuple[str, ...]


def written(
    question: str,
    readings: Sequence[Reading],
    quoted: Sequence[Sentence],
    *,
    writer: Writer,
    verifier: Verifier,
    kept: Sequence[Sentence] = (),
) -> Generator[Said, None, Written]:
    """Yield each written sentence once it is proved; in the place of one that is not, a quote. Return what was shown.

    A sentence that names no passage is looked for in those that are quoted. Where no written sentence is proved, or
    the model fails, the quotes are the answer. It never raises for what a model does.

    Args:
        kept: quotes that are shown unless a written sentence on them has all their names and numbers.
    """
    evidence, tokens = readings[0].evidence, Tokens()
    shown: list[Sentence] = []
    spare = list(quoted)
    dropped: Counter[str] = Counter()
    count, notes = 0, []
    kept_places = {_place(sentence) for sentence in kept}
    try:
        for draft in writer.write(question, readings, tokens):
            count += 1
            proof = verifier.prove(draft.text, draft.cites or _numbers(quoted), evidence)
            if proof.reason:
                dropped[proof.reason] += 1
            sentence = proof.sentence or (spare.pop(0) if spare else None)
            if sentence and not _is_said(sentence, shown):
                shown.append(sentence)
                yield Said(sentence)
    except Exception as error:
        _log.warning("the language model %s failed: %s: %s", writer.name, type(error).__name__, error)
        notes.append(
            f"The language model {writer.name} failed ({type(error).__name__}); what is shown does not need it."
        )
    for sentence in spare:
        lost = _place(sentence) in kept_places and not any(_restates(other, sentence) for other in shown)
        if count == sum(dropped.values()) or lost:
            shown.append(sentence)
            yield Said(sentence)
    usage = Usage(writer.name, tokens.into, tokens.out, writer.cost(tokens), tokens.cached, count, dict(dropped))
    return Written(tuple(shown), usage, (*notes, *_told(usage)))


def _numbers(quoted: Sequence[Sentence]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(citation.n for sentence in quoted for citation in sentence.citations))


def _place(quote: Sentence) -> tuple[int, int, int]:
    cited = quote.citations[0]
    return cited.n, cited.start, cited.end


def _restates(sentence: Sentence, quote: Sentence) -> bool:
    """Whether a sentence cites what is quoted, and leaves no name or number of it out."""
    cited = quote.citations[0]
    if not any(c.n == cited.n and c.start < cited.end and cited.start < c.end for c in sentence.citations):
        return False
    words = analyse(quote.text)
    facts = {word.stem for run in words.names for word in run} | words.numbers
    return facts <= analyse(sentence.text).stems


def _is_said(sentence: Sentence, shown: Sequence[Sentence]) -> bool:
    return any(sentence.text == other.text for other in shown)


def _told(usage: Usage) -> tuple[str, ...]:
    passed, failed = usage.written - sum(usage.dropped.values()), sum(usage.dropped.values())
    if not usage.written:
        return ()
    told = f"{passed} of {usage.written} sentences that {usage.model} wrote passed the check against what they cite"
    return (f"{told}{'; quotes stand in for the others' if failed else ''}.",)
