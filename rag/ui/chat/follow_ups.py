"""What may be asked next: questions about what the cited passages name and the question did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from rag.answer import Answer
from rag.cited_names import TITLES
from rag.dates_in_text import MONTH_OF, WEEKDAYS

MAX_NAMES = 2
_NAME = re.compile(r"(?<=[a-z,;] )(?:the )?[A-Z][\w’'-]*[a-z]\b(?: [A-Z][\w’'-]*[a-z]\b)*")
_MAX_CHARS = 40


def follow_ups(answer: Answer) -> tuple[str, ...]:
    """Return up to three questions to go on with; none after an abstention or a list."""
    if not answer.sentences or answer.remark:
        return ()
    about = tuple(f"What do the briefs say about {name}?" for name in _names(answer)[:MAX_NAMES])
    return (*about, "Summarise this brief")


def _names(answer: Answer) -> list[str]:
    """Names of the cited passages, those that most passages share first."""
    cited = {citation.n for sentence in answer.sentences for citation in sentence.citations}
    found = {n: set(_named(passage.page_content)) for n, passage in enumerate(answer.evidence, 1)}
    held = Counter(name for names in found.values() for name in names)
    asked = f"{answer.question} {answer.standalone_question}".casefold()
    said = " ".join(sentence.text for sentence in answer.sentences)
    fresh = sorted({name for n in cited for name in found.get(n, ()) if name.casefold() not in asked})
    ranked = sorted(fresh, key=lambda name: (name not in said, -held[name], name))
    return [name for i, name in enumerate(ranked) if not any(name in other or other in name for other in ranked[:i])]


def _named(text: str) -> Iterator[str]:
    for match in _NAME.finditer(text):
        name = match.group()
        words = {word.casefold() for word in name.split()}
        is_common = name.startswith("the ") and len(words) == 2  # "the Alliance" is one of many
        if len(name) <= _MAX_CHARS and not words & {*MONTH_OF, *WEEKDAYS} and not words <= TITLES and not is_common:
            yield name.removesuffix("’s").removesuffix("'s")
