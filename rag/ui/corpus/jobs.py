"""What is said of changes to the corpus: how far they are, and what one is about to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.printable import one_line
from rag.ui.escape import escaped
from rag.uploads import Item, Job, Removal, State, Task

MAX_JOBS = 10
_TASKS: Mapping[Task, str] = {
    "upload": "Upload",
    "remove": "Remove",
    "forget": "Forget",
    "reingest": "Read the folders again",
}
_STATES: Mapping[State, str] = {"waiting": "waiting", "reading": "being read", "done": "done", "failed": "failed"}
_BUSY: Mapping[Task, str] = {
    "upload": "being read",
    "remove": "being removed",
    "forget": "being forgotten",
    "reingest": "being read",
}


def jobs_html(jobs: Sequence[Job]) -> str:
    """Return the newest jobs, each with the state of its files."""
    if not jobs:
        return ""
    parts = "".join(_job(job) for job in jobs[:MAX_JOBS])
    return f'<section class="gb-corpus-jobs" aria-label="Changes to the corpus" role="status">{parts}</section>'


def removal_text(removal: Removal) -> str:
    """Say what removing a brief would do, or why it cannot be."""
    if removal.refusal:
        return f"“{removal.title}” cannot be removed here: {removal.refusal}."
    others = f" The file holds {_more(removal.others)}: removed, too." if removal.others else ""
    return (
        f"Remove “{removal.title}”? The uploaded file {removal.path.name} is deleted.{others} The text stays for "
        "questions about earlier days, as that of any file that is gone; forgetting deletes it."
    )


def forgetting_text(removal: Removal) -> str:
    """Say what forgetting a brief would do."""
    if not removal.is_upload:
        file = f"Its file {removal.path} is not touched."
    elif removal.others:
        file = f"The uploaded file {removal.path.name} holds {_more(removal.others)} and stays, text and all."
    else:
        file = f"The uploaded file {removal.path.name} is deleted."
    return (
        f"Forget “{removal.title}” for good? Text, passages and vectors of all its versions are deleted from the "
        f"index; only digests stay, to keep the text out. {file} Answers that are kept still quote it. "
        "This cannot be undone."
    )


REINGEST_TEXT = (
    "Read all known files again? What changed is updated. Briefs whose file is gone are withdrawn, unless the whole "
    "folder is gone. Questions are answered meanwhile."
)


def _more(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:5])
    return f"{len(ids)} more {'brief' if len(ids) == 1 else 'briefs'} ({shown}{', …' if len(ids) > 5 else ''})"


def _job(job: Job) -> str:
    items = "".join(_item(item, job.task) for item in job.items)
    return f'<h3>{_TASKS[job.task]}</h3><ul class="gb-corpus-items">{items}</ul>'


def _item(item: Item, task: Task) -> str:
    state = _BUSY[task] if item.state == "reading" else _STATES[item.state]
    chunks = "" if item.chunks is None else f", {item.chunks:,} {'chunk' if item.chunks == 1 else 'chunks'}"
    note = f' – <span class="gb-corpus-note"><bdi>{escaped(one_line(item.note))}</bdi></span>' if item.note else ""
    return (
        f'<li class="is-{item.state}"><bdi class="gb-corpus-name">{escaped(one_line(item.name))}</bdi>: '
        f'<span class="gb-corpus-state">{state}{chunks}</span>{note}</li>'
    )
