"""Commands that read: ask, chat, search."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import (
    AsOfOption,
    BriefOption,
    ConfigOption,
    DatesOption,
    FromOption,
    IndexOption,
    JsonOption,
    KnownOption,
    RegionOption,
    SourceOption,
    ToOption,
    TopicOption,
    from_stdin,
    scope_from,
    settings_from,
    utf8,
)
from rag.cli.render import show_answer, show_passages
from rag.errors import UsageError
from rag.printable import printable

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

QuestionArgument = Annotated[str, typer.Argument(callback=utf8, help="The question; - reads it from standard input.")]


def ask(
    question: QuestionArgument,
    index: IndexOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    date_from: FromOption = None,
    date_to: ToOption = None,
    as_of: AsOfOption = None,
    as_known_at: KnownOption = None,
    region: RegionOption = None,
    source: SourceOption = None,
    topic: TopicOption = None,
    brief: BriefOption = None,
    dates: DatesOption = True,
) -> None:
    """Answer one question in quotes with citations, or say that the corpus does not answer it.

    Example: geobrief ask "what sectors will they cooperate on" --from 2024
    """
    scope = scope_from(date_from, date_to, as_of, region, source, topic, brief, as_known_at)
    settings = settings_from(index, config)
    from rag.build import open_assistant

    assistant = open_assistant(settings)
    answer = assistant.ask(_question(question), scope=scope, dates=dates)
    if json_:
        from rag.record import AnswerRecord

        typer.echo(AnswerRecord.of(answer).to_json(indent=2))
    else:
        show_answer(answer)


def chat(index: IndexOption = None, config: ConfigOption = None) -> None:
    """Ask one question after the other; what was said before is taken into account. An empty line or Ctrl-D ends.

    Example: geobrief chat
    """
    from langchain_core.messages import HumanMessage

    from rag.build import open_assistant, warm_up
    from rag.rewrite import message_of

    assistant = open_assistant(settings_from(index, config))
    warm_up(assistant)
    history: list[BaseMessage] = []
    typer.echo("Ask a question; an empty line ends.", err=True)
    while question := _next_question():
        try:
            answer = assistant.ask(question, history=history)
        except UsageError as error:
            typer.echo(f"geobrief: {error}", err=True)
            continue
        if list(answer.parts) != [answer.question]:
            typer.echo(f"(understood as: {printable(' · '.join(answer.parts))})")
        show_answer(answer)
        history += [HumanMessage(question), message_of(answer)]


def search(
    question: QuestionArgument,
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="How many passages.")] = 5,
    index: IndexOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    date_from: FromOption = None,
    date_to: ToOption = None,
    as_of: AsOfOption = None,
    as_known_at: KnownOption = None,
    region: RegionOption = None,
    source: SourceOption = None,
    topic: TopicOption = None,
    brief: BriefOption = None,
) -> None:
    """Show the passages that come closest, without reading or answering.

    Example: geobrief search "grain exports through the Black Sea" --k 3
    """
    scope = scope_from(date_from, date_to, as_of, region, source, topic, brief, as_known_at)
    settings = settings_from(index, config)
    from rag.assistant import checked
    from rag.build import open_embeddings, open_index, open_retriever

    text = checked(_question(question), max_chars=settings.answer.max_question_chars)
    embeddings = open_embeddings(settings)
    opened = open_index(settings, embeddings=embeddings)
    opened.check_identity()
    passages = open_retriever(opened, settings, embeddings, known_at=scope.as_known_at).search(text, scope=scope, k=k)
    if json_:
        from rag.record import EvidenceRecord

        records = [EvidenceRecord.of(n, passage).model_dump() for n, passage in enumerate(passages, 1)]
        typer.echo(json.dumps({"question": text, "passages": records}, ensure_ascii=False, indent=2))
    else:
        show_passages(passages)


def _question(given: str) -> str:
    return from_stdin(sys.stdin.read) if given == "-" else given


def _next_question() -> str:
    try:
        return from_stdin(lambda: input("> ")).strip()
    except EOFError:
        return ""
