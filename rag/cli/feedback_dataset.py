"""Judged answers as a benchmark in the briefs form (see `rag.evaluation.forms`)."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.catalogue import Catalogue, VersionRow
from rag.cli.feedback_gold import Judged, PresentBriefs, cited, judged_on
from rag.load.brief import slug
from rag.userdata import Feedback

SPLIT = "feedback"


def write_dataset(feedback: Sequence[Feedback], catalogue: Catalogue, folder: Path) -> Sequence[Judged]:
    """Write a folder that `geobrief eval` reads; it appears when it is complete. Return what each verdict became.

    Where no verdict becomes a question, the folder holds feedback.jsonl alone.

    Raises:
        OSError: if the folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder.resolve().parent) as unfinished:
        made = Path(unfinished) / "dataset"
        (made / "briefs").mkdir(parents=True)
        briefs = _write_briefs(catalogue, made / "briefs", {c.brief_id for f in feedback for c in cited(f.answer)})
        judged = judged_on(feedback, briefs)
        _write_lines(made / "feedback.jsonl", map(_verdict, judged))
        questions = tuple(_questions(judged))
        if questions:
            _write_lines(made / "questions.jsonl", questions)
            manifest = {"name": "feedback", "corpus": "briefs", "questions": {SPLIT: ["questions.jsonl"]}}
            manifest |= {"answers": "extractive", "refusal": "corpus"}
            (made / "dataset.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        else:
            shutil.rmtree(made / "briefs")
        made.chmod(0o700)
        made.rename(folder)
    return judged


def _write_briefs(catalogue: Catalogue, folder: Path, wanted: Collection[str]) -> PresentBriefs:
    """Write each present brief as a JSON file, which keeps its text to the character; Markdown would trim it."""
    texts: dict[str, str] = {}
    newest_at = ""
    for n, row in enumerate(catalogue.briefs(), 1):
        present = next((v for v in catalogue.versions(row.brief_id) if v.superseded_at is None), None)
        if present is None:
            continue
        (folder / f"{n:06d}-{slug(row.brief_id, max_chars=60)}.json").write_bytes(_brief(present))
        newest_at = max(newest_at, present.ingested_at)
        if row.brief_id in wanted:
            texts[row.brief_id] = present.text
    return PresentBriefs(texts, newest_at)


def _brief(version: VersionRow) -> bytes:
    fields = {name: value for name, value in version.metadata.items() if value not in (None, [], False)}
    fields |= {"id": version.brief_id, "text": version.text}
    # JSON leaves DEL as it is, and a file with many control characters is taken for a binary one.
    return json.dumps(fields, ensure_ascii=False, indent=1).replace("\x7f", "\\u007f").encode()


def _questions(judged: Iterable[Judged]) -> Iterator[Mapping[str, Any]]:
    """Yield a question for each id. Of different answers that were liked, each is right if they are single quotes."""
    liked: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.question_id:
            liked[one.question_id].append(one)
    for question_id, group in liked.items():
        newest = group[-1]
        text = newest.feedback.answer.standalone_question
        if not newest.gold:
            yield {"id": question_id, "question": text, "type": "refusal", "answerable": False}
            continue
        are_single = all(one.gold and len(one.gold) == 1 for one in group)
        gold = tuple(dict.fromkeys(span for one in (group if are_single else [newest]) for span in one.gold or ()))
        quotes = list(dict.fromkeys(span.text for span in gold))
        yield {
            "id": question_id,
            "question": text,
            "type": "answer",
            "answerable": True,
            "answers": quotes if are_single else [],
            "items": [] if are_single else [[quote] for quote in quotes],
            "doc_ids": list(dict.fromkeys(span.doc_id for span in gold)),
            "gold": [asdict(span) for span in gold],
            "gold_mode": "any" if are_single else "all",
        }


def _verdict(one: Judged) -> Mapping[str, Any]:
    """A verdict as feedback.jsonl has it. The user is left out."""
    feedback, answer = one.feedback, one.feedback.answer
    shown = {"question", "standalone_question", "scope", "limited_by", "abstained", "text", "sentences", "identities"}
    return {
        "question": feedback.question,
        "asked_at": feedback.asked_at,
        "given_at": feedback.given_at,
        "verdict": feedback.verdict,
        "reason": feedback.reason,
        "settings_digest": answer.identities.settings_digest,
        "question_id": one.question_id,
        "left_out": one.left_out,
        "answer": answer.model_dump(mode="json", by_alias=True, include=shown),
        "evidence": [
            passage.model_dump(include={"n", "brief_id", "chunk_id", "start", "end", "text_sha256", "score"})
            for passage in answer.evidence
        ],
    }


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
