"""Questions and answers as HTML. All text that is not written here is escaped.

The same strings go into gradio's Chatbot, which reads Markdown. Each message is therefore one HTML block on one line:
inside such a block no Markdown, link or image syntax is read, and `escaped` leaves none to read anyway. What a link
does is told by its address, which script.js and links.py read.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Answer, BriefRef, Citation, Sentence
from rag.ui.chat.conversation import Turn
from rag.ui.chat.facts import facts_of, limits_of, warnings_of
from rag.ui.chat.follow_ups import follow_ups
from rag.ui.chat.reader_view import citation_link
from rag.ui.escape import escaped

MAX_SHOWN_CHARS = 2_000
MAX_TIP_CHARS = 300


def question_html(question: str) -> str:
    """What the user asked; a very long question is cut, with its length."""
    shown, rest = question[:MAX_SHOWN_CHARS], len(question) - MAX_SHOWN_CHARS
    cut = f' <span class="gb-quiet">… ({len(question):,} characters)</span>' if rest > 0 else ""
    return f'<div class="gb-question">{escaped(shown.strip())}{cut}</div>'


def answer_html(turn: Turn, *, number: int, newest: str | None = None) -> str:
    """The answer as far as it has come.

    Args:
        number: the turn's place in the conversation, from 0.
        newest: date of the newest brief there is.
    """
    if turn.failure is not None:
        failure = f'<p class="gb-failure"><span class="gb-text">{escaped(turn.failure)}</span></p>'
        return f'<div class="gb-answer">{failure}{_actions(turn, number)}</div>'
    parts = [_understood(turn), _remark(turn, number)]
    parts += [_sentence(s, i, number) for i, s in enumerate(turn.sentences)]
    if turn.answer is not None:
        parts += [_abstention(turn.answer, number), _facts(turn.answer), _notes(turn.answer, newest)]
    elif turn.stopped:
        parts.append('<p class="gb-quiet">Stopped.</p>')
    else:
        parts.append('<p class="gb-quiet gb-pending">Reading the briefs…</p>')
    if turn.is_over:
        parts.append(_actions(turn, number))
    return f'<div class="gb-answer" id="turn-{number}-answer">{"".join(parts)}</div>'


def _understood(turn: Turn) -> str:
    """The question as understood, where that differs, and which briefs were asked, where not all."""
    told = []
    if [part.strip() for part in turn.parts] != [turn.question.strip()]:
        told.append(f"Understood as: {' · '.join(turn.parts)}")
    if turn.answer is not None and (limits := limits_of(turn.answer.scope)):
        told.append(f"Asked of briefs: {limits}")
    return "".join(f'<p class="gb-quiet gb-understood">{escaped(line)}</p>' for line in told)


def _remark(turn: Turn, number: int) -> str:
    if turn.answer is None or turn.answer.remark is None:
        return ""
    return f'<p class="gb-remark">{escaped(turn.answer.remark)}</p>{_list(turn.answer.briefs, number, "listed")}'


def _list(briefs: Sequence[BriefRef], number: int, kind: str) -> str:
    items = "".join(
        f'<li><a href="#turn-{number}-{kind}-{i}">{escaped(ref.title)}</a> '
        f"<span class='gb-quiet'>{escaped(ref.date or 'undated')}</span></li>"
        for i, ref in enumerate(briefs)
    )
    return f'<ul class="gb-nearest">{items}</ul>' if items else ""


def _sentence(sentence: Sentence, index: int, number: int) -> str:
    chips = "".join(_chip(c, citation_link(number, index, i)) for i, c in _one_each(sentence.citations))
    support = (
        "" if sentence.support in (None, 1.0) else f' <span class="gb-quiet">checked, {sentence.support:.2f}</span>'
    )
    return f'<p class="gb-sentence"><span class="gb-text">{escaped(sentence.text)}</span> {chips}{support}</p>'


def _one_each(citations: Sequence[Citation]) -> list[tuple[int, Citation]]:
    """The first citation of each passage, with its index."""
    first: dict[int, tuple[int, Citation]] = {}
    for i, citation in enumerate(citations):
        first.setdefault(citation.n, (i, citation))
    return list(first.values())


def _chip(citation: Citation, link: str) -> str:
    known = citation.passage.metadata
    about = " · ".join(filter(None, [known["title"], known.get("date") or "undated", known.get("source")]))
    quote = citation.quote if len(citation.quote) <= MAX_TIP_CHARS else f"{citation.quote[:MAX_TIP_CHARS]}…"
    tip = f'<span class="gb-tip" role="tooltip"><b>{escaped(about)}</b> “{escaped(quote)}”</span>'
    spoken = f'<span class="gb-hidden">: {escaped(about)}</span>'
    return f'<a class="gb-cite" href="{link}">&#91;{citation.n}&#93;{spoken}{tip}</a>'


def _abstention(answer: Answer, number: int) -> str:
    if not answer.abstained:
        return ""
    reason = escaped(answer.reason or "The briefs do not say.")
    nearest = _list(answer.nearest, number, "nearest")
    briefs = f'<p class="gb-quiet">Nearest briefs</p>{nearest}' if nearest else ""
    return f'<p class="gb-reason">{reason}</p>{briefs}'


def _facts(answer: Answer) -> str:
    facts = facts_of(answer)
    return f'<p class="gb-facts">{" · ".join(map(escaped, facts))}</p>' if facts else ""


def _notes(answer: Answer, newest: str | None) -> str:
    warnings = warnings_of(answer, newest)
    calm = [note for note in answer.notes if note not in answer.conflicts]
    shown = [f'<p class="gb-warning"><b>Note:</b> {escaped(text)}</p>' for text in warnings]
    return "".join([*shown, *(f'<p class="gb-note">Note: {escaped(note)}</p>' for note in calm)])


def _actions(turn: Turn, number: int) -> str:
    """The links below an answer; what they do is script.js's and the page's."""
    links = [("edit", "Edit the question"), ("again", "Ask again")]
    if turn.evidence:
        links.insert(0, ("evidence", f"Show evidence ({len(turn.evidence)})"))
    if turn.answer is not None:
        links.append(("copy", "Copy with citations"))
    shown = [f'<a href="#turn-{number}-{act}">{text}</a>' for act, text in links]
    if turn.saved_as is not None and turn.answer is not None:
        shown += [_thumb(turn, number, "up", "Helpful"), _thumb(turn, number, "down", "Not helpful")]
    return f'<p class="gb-more">{"".join(shown)}</p>'


def follow_ups_html(turn: Turn, number: int) -> str:
    """Links that ask what may be asked next."""
    asked = follow_ups(turn.answer) if turn.answer is not None else ()
    items = "".join(f'<li><a href="#turn-{number}-follow-{i}">{escaped(text)}</a></li>' for i, text in enumerate(asked))
    return f'<ul class="gb-follow" aria-label="Ask next">{items}</ul>' if items else ""


def _thumb(turn: Turn, number: int, verdict: str, text: str) -> str:
    # The state stands in the text: gradio's Chatbot lets no ARIA attribute through.
    given = turn.verdict == verdict
    shown = f'<b class="is-given">✓ {text}</b>' if given else text
    return f'<a href="#turn-{number}-{verdict}" role="button">{shown}</a>'
