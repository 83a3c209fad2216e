"""Ask the briefs benchmark with an LLM as the writer, and compare what is shown with the quoted answers.

    python -m evals.writer --model gguf:/models/some.gguf [--split test] [--limit 50] [--json FILE]

Prints whether answers are right with and without the LLM, what became of the sentences that it wrote, how soon the
first one was there, and whether a shown one has a number or a name that stands nowhere in its cited spans. That check
is none of the verifier's: it compares digits and the stems of capitalised words. Answers are kept line by line in the
file, and a run that was cut short goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.answer import Answer, Answered, Said, Sentence
from rag.assistant import Assistant
from rag.build import open_assistant, open_embeddings, warm_up
from rag.evaluation.dataset import open_dataset
from rag.evaluation.environment import code_digest
from rag.evaluation.question import Dataset, Question
from rag.evaluation.run import build_site, messages_of
from rag.evaluation.scoring import Outcome, records_of
from rag.evaluation.statistics import bootstrap_mean, paired
from rag.lexicon import MONTHS, STANDS_FOR
from rag.settings import Settings, load_settings

WORK = Path(".geobrief-eval")
_STEM = 5
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_CAPITALISED = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w’'-]+")
_FULL_STOP = re.compile(r"[.!?](?:\s|$)")


class Timed(BaseChatModel):
    """A chat model that notes when it was called and when its first full stop was there."""

    model: BaseChatModel
    called: float = 0.0
    first_stop: float | None = None

    @property
    def _llm_type(self) -> str:
        return "timed"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        self.called, self.first_stop, text = time.perf_counter(), None, ""
        for chunk in self.model._stream(messages, stop, run_manager, **kwargs):
            text += str(chunk.message.text)
            if self.first_stop is None and _FULL_STOP.search(text):
                self.first_stop = time.perf_counter()
            yield chunk


def main() -> None:
    """Ask every question of the split twice and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="as llm.model")
    parser.add_argument("--split", default="dev", choices=["dev", "test"])
    parser.add_argument("--limit", type=int, help="questions, evenly drawn")
    parser.add_argument("--max-tokens", type=int, default=120, help="longest reply")
    parser.add_argument("--json", type=Path, default=WORK / "writer.jsonl", help="file of the answers")
    arguments = parser.parse_args()
    dataset = open_dataset("briefs", work=WORK, split=arguments.split)
    limit = arguments.limit or len(dataset.questions)
    questions = dataset.questions[:: max(1, len(dataset.questions) // limit)][:limit]
    settings = load_settings(llm={"model": arguments.model, "max_tokens": arguments.max_tokens})
    embeddings = open_embeddings(settings)
    site, _ = build_site(dataset, settings, embeddings, work=WORK, progress=lambda *_: None)
    assistant = open_assistant(site.settings, embeddings=embeddings)
    quoting = open_assistant(site.settings.model_copy(update={"llm": load_settings().llm}), embeddings=embeddings)
    warm_up(quoting)
    run = _run(arguments, site.settings)
    done = {row["id"]: row for row in map(json.loads, _lines(arguments.json)) if row.get("run") == run}
    with arguments.json.open("a", encoding="utf-8", buffering=1) as file:
        for question in questions:
            if question.id not in done:
                done[question.id] = {**asked(question, dataset, assistant, quoting), "run": run}
                file.write(json.dumps(done[question.id], ensure_ascii=False) + "\n")
    for line in summary([done[question.id] for question in questions]):
        print(line)


def asked(question: Question, dataset: Dataset, assistant: Assistant, quoting: Assistant) -> dict[str, Any]:
    """Ask one question with the LLM and without, and tell what each gave."""
    assert assistant.writer is not None
    timed = Timed(model=assistant.writer.model)
    writing = replace(assistant, writer=replace(assistant.writer, model=timed), understanding=quoting.understanding)
    started, first = time.perf_counter(), None
    answer: Answer | None = None
    for event in writing.stream(question.text, history=messages_of(question)):
        if isinstance(event, Said) and first is None:
            first = time.perf_counter()
        if isinstance(event, Answered):
            answer = event.answer
    assert answer is not None
    quoted = quoting.ask(question.text, history=messages_of(question))
    quotes = {sentence.text for sentence in quoted.sentences}
    written = [sentence for sentence in answer.sentences if sentence.text not in quotes]
    return {
        "id": question.id,
        "group": question.group,
        "right": _right(question, answer, dataset, quoting),
        "right_quoted": _right(question, quoted, dataset, quoting),
        "written": answer.usage.written if answer.usage else 0,
        "dropped": dict(answer.usage.dropped) if answer.usage else {},
        "shown": [{"text": s.text, "quotes": [c.quote for c in s.citations], "lacks": lacks(s)} for s in written],
        "first_s": None if first is None else round(first - started, 3),
        "model_s": round(timed.first_stop - timed.called, 3) if timed.first_stop else None,
        "failed": any("failed (" in note for note in answer.notes),
    }


def lacks(sentence: Sentence) -> list[str]:
    """Return the numbers and names of a sentence that stand nowhere in what it cites.

    A number is compared by its digits, a name by the first letters of each capitalised word but the first. A month's
    name gives its number, a month without a year the year of the brief, and a capital or adjective its country.
    """
    cited = " ".join(citation.quote for citation in sentence.citations)
    digits = {_digits(number) for number in _NUMBER.findall(cited)}
    for n, month in enumerate(MONTHS, 1):
        for found in re.finditer(rf"{month}(?:,? \d{{4}})?", cited, re.IGNORECASE):
            digits |= {str(n), f"{n:02d}"}
            if not found.group()[-1].isdigit():
                digits |= {str(c.passage.metadata["date"] or "")[:4] for c in sentence.citations}
    low = f"{cited} {' '.join(STANDS_FOR.get(word, '') for word in re.findall(r'[a-z]+', cited.lower()))}".lower()
    numbers = [number for number in _NUMBER.findall(sentence.text) if _digits(number) not in digits]
    names = [name for name in _CAPITALISED.findall(sentence.text) if name.lower()[:_STEM] not in low]
    return numbers + names


def summary(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say in lines what the rows amount to, with 95 % intervals by story."""
    judged = [row for row in rows if row["right"] is not None and row["right_quoted"] is not None]
    groups = [row["group"] or row["id"] for row in judged]
    with_llm, quoted = [float(row["right"]) for row in judged], [float(row["right_quoted"]) for row in judged]
    for name, values in (("right with the LLM", with_llm), ("right in quotes", quoted)):
        mean = bootstrap_mean(values, groups)
        yield f"{name:20} {mean.value:.3f} [{mean.low:.3f}, {mean.high:.3f}]  n {mean.n}"
    apart = paired(with_llm, quoted, groups)
    yield f"{'difference':20} {apart.value:+.3f} [{apart.low:+.3f}, {apart.high:+.3f}]  p {apart.p:.3f}"
    dropped: Counter[str] = sum((Counter(row["dropped"]) for row in rows), Counter())
    total, gone = sum(row["written"] for row in rows), sum(dropped.values())
    by_reason = ", ".join(f"{reason} {count}" for reason, count in dropped.most_common())
    yield f"{'sentences written':20} {total}; dropped {gone} ({gone / max(total, 1):.3f}): {by_reason}"
    shown = [one for row in rows for one in row["shown"]]
    wrong = [one for one in shown if one["lacks"]]
    yield f"{'written and shown':20} {len(shown)}; with a number or name that its source lacks: {len(wrong)}"
    for one in wrong:
        yield f"{'':20} {one['lacks']}: {one['text']}"
    timed = [(row["first_s"], row["model_s"]) for row in rows if row["first_s"] and row["model_s"]]
    if timed:
        ratio = statistics.median(first / model for first, model in timed)
        first, model = (statistics.median(column) for column in zip(*timed, strict=True))
        yield f"{'first sentence':20} {first:.2f} s, full stop of the LLM {model:.2f} s, ratio {ratio:.2f} (medians)"
    yield f"{'LLM failed':20} {sum(row['failed'] for row in rows)} of {len(rows)}"


def _right(question: Question, answer: Answer, dataset: Dataset, assistant: Assistant) -> bool | None:
    return records_of("", question, Outcome((), answer, {}), dataset, assistant.catalogue)[0].correct


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line] if path.exists() else []


def _run(arguments: argparse.Namespace, settings: Settings) -> str:
    """Tell runs apart whose answers may differ: by model, length of replies, settings and code."""
    told = f"{arguments.model} {arguments.max_tokens} {settings.digest()} {code_digest()}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
