"""Fold the conversation into a question that can be understood alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage

from rag.answer import SILENT, Answer
from rag.follow_up import LINKS, VERB, WH, matter_of, names_of, refers_back
from rag.lexicon import analyse, present
from rag.other_subject import with_other_subject
from rag.requests import Request, asked_again, understand, without_chat
from rag.years_meant import with_years

FEW_NAMES = 2
"""With fewer names a question says what it is about by its other words."""
CARRIED_NAMES = 2
"""Most names that are carried from the last answer."""
MOST_CARRIED = 500
"""Most characters of the last question that stood alone."""
MOST_SAID = 2_000
"""Most characters of what was said last."""

BRIEFS = "briefs"
"""Where a message keeps the ids of the briefs of its answer."""

_LINK = re.compile(f"^{LINKS}", re.IGNORECASE)
_FRAGMENT = re.compile(
    rf"(?:and |but |so )?(?:(?:by|for|from|in|of|on|since|to|until|with) )?"
    rf"(?:{WH}|how (?:many|much|long|often|far|big|soon|come)|why so \w+)(?: (?:not|then|exactly|else|ones?))? ?\??",
    re.IGNORECASE,
)
_REPLY = re.compile(
    r"(?:(?:(?:is|are) there )?any(?:thing)?|(?:what(?:['’]?s| is) )?(?:the )?latest"
    r"|what(?:['’]?s| is) (?:happening|going on|the situation|the state of play))"
    r"(?! (?:briefs?|briefings?|documents?|reports?)\b)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers|they|them|their|theirs)\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question that was asked and the first line of its answer; None while there is none."""

    question: str
    answer: str | None = None


def rewrite(question: str, history: Sequence[BaseMessage]) -> str:
    """Return the question with what it leaves to the conversation behind it; itself when it stands alone.

    A question gets the names and years of the last one that stood alone, or its words where it has few names; one that
    refers to people, those of the last answer too. A fragment gets that question whole:

        "Did Putin visit Beijing in 2024?", "And where did he go?" -> "where did he go (Putin, Beijing, 2024)?"
        "Did Putin visit Beijing in 2024?", "And why?" -> "Did Putin visit Beijing in 2024? And why?"
        "Did Putin visit Beijing in 2024?", "And in 2023?" -> "Did Putin visit Beijing in 2023?"
        "Did Putin visit Beijing in 2024?", "When did Finland join NATO?" -> "When did Finland join NATO?"

    Years that it counts from those that were told are named: "in the following year" -> "in 2025".
    """
    turns = turns_of(history)
    if not turns or not refers_back(question, said_in(turns)):
        return question
    asked = _topic(turns).strip()[:MOST_CARRIED]
    if not asked:
        return question
    last = turns[-1].question
    counted = with_years(question, (turns[-1].answer or "", last, asked))
    before = _whole(turns)
    if before and (other := with_other_subject(counted, before)):
        return other
    if _FRAGMENT.fullmatch(question.strip()) or not VERB.search(question):
        return f"{asked} {counted.strip()}"
    topic = _new(asked, known=question)
    if counted != question:
        topic = [name for name in topic if not _YEAR.fullmatch(name)]
    if len(topic) < FEW_NAMES:
        topic = [" ".join(w for w in matter_of(analyse(asked)) if counted == question or not _YEAR.fullmatch(w))]
    people = _PERSON.search(question) or not topic
    met = _new(turns[-1].answer or "", known=f"{question} {asked}")[:CARRIED_NAMES] if people else []
    about = ", ".join(filter(None, [*topic, *met]))
    bare = _LINK.sub("", counted.strip(), count=1)
    return f"{bare.rstrip(' ?')} ({about})?" if about else bare


def _whole(turns: Sequence[Turn]) -> str | None:
    """Return the last question if it stood alone, or as it was asked if it only named another subject."""
    last, earlier = turns[-1].question, turns[:-1]
    if wish_of(last, goes_on=bool(earlier)):
        return None
    if not earlier or not refers_back(last, said_in(earlier)):
        return last
    before = _whole(earlier)
    return with_other_subject(last, before) if before else None


def _topic(turns: Sequence[Turn]) -> str:
    """Return the last question that stood alone when it was asked, else the first; of a wish, what it is about."""
    wishes = [wish_of(turn.question, goes_on=i > 0) for i, turn in enumerate(turns)]
    about = [wish.about if wish else turn.question for wish, turn in zip(wishes, turns, strict=True)]
    alone = (
        about[i]
        for i in reversed(range(len(turns)))
        if about[i] and (wishes[i] or not refers_back(turns[i].question, said_in(turns[:i])))
    )
    return next(alone, next(filter(None, about), ""))


def wish_of(question: str, *, goes_on: bool) -> Request | None:
    """Tell what is wished for; "any news on the price?" is no wish of its own where it goes on with a conversation."""
    wish = understand(question)
    if wish is None or not goes_on or not _REPLY.match(question):
        return wish
    about = analyse(wish.about)
    return wish if names_of(about) or len(matter_of(about)) > 1 else None


def said_in(turns: Sequence[Turn]) -> list[str]:
    """Join each question with its answer."""
    return [f"{turn.question} {turn.answer or ''}" for turn in turns]


def message_of(answer: Answer) -> AIMessage:
    """Return an answer as a message of the history; it keeps the ids of the briefs that it cites or lists."""
    return AIMessage(answer.text, additional_kwargs={BRIEFS: list(answer.cited_briefs)})


def last_said(history: Sequence[BaseMessage]) -> str:
    """Return the last question with the first line of its answer, if it was answered; empty without a history."""
    turns = turns_of(history)
    if not turns:
        return ""
    answer = turns[-1].answer or ""
    said = turns[-1].question if answer.startswith(SILENT) else f"{turns[-1].question} {answer}"
    return said.strip()[:MOST_SAID]


def last_cited(history: Sequence[BaseMessage]) -> tuple[str, ...]:
    """Return the ids of the briefs that the last answer with any cites or lists; empty where it does not tell."""
    named = (m.additional_kwargs.get(BRIEFS) for m in reversed(history) if m.type == "ai")
    return next((tuple(ids) for ids in named if ids), ())


def turns_of(history: Sequence[BaseMessage]) -> list[Turn]:
    """Return the questions of a conversation with the first line of what was answered to each.

    What only names another subject for the wish before it is that wish: "Any news on Sudan?", "And Niger?"
    """
    turns: list[Turn] = []
    for message in history:
        text = str(message.text).strip()
        if message.type == "human" and text:
            said = without_chat(text)
            again = asked_again(said, turns[-1].question) if turns and names_of(analyse(said)) else None
            turns.append(Turn(again or said))
        elif message.type == "ai" and turns and turns[-1].answer is None and text:
            turns[-1] = Turn(turns[-1].question, text.splitlines()[0])
    return turns


def _new(text: str, *, known: str) -> list[str]:
    """Return the names and years of a text that another does not hold."""
    words, here = analyse(text), analyse(known)
    runs = [*names_of(words), *((w,) for w in words.words if _YEAR.fullmatch(w.text))]
    fresh = [run for run in runs if any(present(word.stem, here) == 0 for word in run)]
    return list(dict.fromkeys(" ".join(word.text for word in run) for run in fresh))
