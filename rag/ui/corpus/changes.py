"""What changes the corpus: files that are dropped in, briefs taken out, folders read again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from rag.load import READERS
from rag.ui.corpus.jobs import REINGEST_TEXT, forgetting_text, jobs_html, removal_text
from rag.ui.corpus.uploaded_files import uploaded
from rag.ui.corpus.view import Showing, Updates
from rag.ui.escape import escaped
from rag.uploads import MAX_FILES, MAX_UPLOAD_BYTES, Uploads

LOOK_EVERY_S = 1.0
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_MAY_NOT = "You may read the corpus, not change it."
_UNKNOWN = "This brief is no longer in the index."


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A question before something is done."""

    panel: gr.Column
    text: gr.HTML
    yes: gr.Button
    no: gr.Button

    @property
    def parts(self) -> list[Any]:
        """What `asking` and `closed` give updates of."""
        return [self.panel, self.text, self.yes]

    def asking(self, text: str, *, yes: str = "") -> Updates:
        """Return the updates that ask; without a word for `yes` it can only be put away."""
        shown = f'<p role="alert">{escaped(text)}</p>'
        return {self.panel: gr.Column(visible=True), self.text: shown, self.yes: gr.Button(yes, visible=bool(yes))}

    def closed(self) -> Updates:
        """Return the updates that put it away."""
        return {self.panel: gr.Column(visible=False), self.text: "", self.yes: gr.Button(visible=False)}


@dataclass(frozen=True, slots=True)
class Adding:
    """What adds briefs; those who may not do not see it."""

    column: gr.Column
    files: gr.File
    reread: gr.Button
    confirmation: Confirmation
    jobs: gr.HTML
    timer: gr.Timer

    @property
    def running(self) -> list[Any]:
        """What shows jobs under way."""
        return [self.jobs, self.timer]


@dataclass(frozen=True, slots=True)
class Removing:
    """What takes out the brief that is read.

    Attributes:
        pending: what is asked about, and the brief that it is about.
    """

    row: gr.Row
    remove: gr.Button
    forget: gr.Button
    confirmation: Confirmation
    pending: gr.State


def build_adding() -> Adding:
    """Lay out what adds briefs, and the list of what is being done."""
    with gr.Column(visible=False, elem_id="gb-corpus-adding", min_width=0) as column:
        with gr.Accordion("Add briefs, or read the folders again", open=False, elem_id="gb-corpus-add"):
            files = gr.File(label=_upload_label(), file_count="multiple", height=140, elem_id="gb-corpus-files")
            reread = gr.Button("Read the folders again …", size="sm", min_width=0, elem_id="gb-corpus-reread")
            confirmation = _build_confirmation("gb-corpus-rereading")
        jobs = gr.HTML("", elem_id="gb-corpus-jobs", apply_default_css=False)
    return Adding(column, files, reread, confirmation, jobs, gr.Timer(LOOK_EVERY_S, active=False))


def build_removing() -> Removing:
    """Lay out what takes a brief out, where it is called."""
    with gr.Row(visible=False, elem_id="gb-corpus-removing") as row:
        remove = gr.Button("Remove …", size="sm", scale=0, min_width=90)
        forget = gr.Button("Forget …", size="sm", scale=0, min_width=90)
    return Removing(row, remove, forget, _build_confirmation("gb-corpus-removal"), gr.State(("", "")))


def _upload_label() -> str:
    kinds = ", ".join(READERS)
    return f"Add briefs: {kinds}; up to {MAX_FILES} files of {MAX_UPLOAD_BYTES // 1_000_000} MB each"


def _build_confirmation(elem_id: str) -> Confirmation:
    with gr.Column(visible=False, elem_id=elem_id, elem_classes="gb-corpus-confirm", min_width=0) as panel:
        text = gr.HTML("", apply_default_css=False)
        with gr.Row():
            yes = gr.Button("", size="sm", variant="stop", scale=0, min_width=140, visible=False)
            no = gr.Button("Leave it", size="sm", scale=0, min_width=100)
    return Confirmation(panel, text, yes, no)


def wire_changes(act: Acting, opened: Any) -> None:
    """Let the parts answer; `opened` is the event of the tab being opened."""
    adding, removing, view = act.adding, act.removing, act.showing.view
    running = adding.running
    opened(act.open, view.chosen, [adding.column, removing.row, *running], **_QUIET)
    # The raw form: gradio's own would make an empty file for each, and drop the names that the files had.
    adding.files.upload(act.add, adding.files, [adding.files, *running], preprocess=False, **_QUIET)
    adding.reread.click(act.ask_reread, None, adding.confirmation.parts, **_QUIET)
    adding.confirmation.yes.click(act.reread, None, [*adding.confirmation.parts, *running], **_QUIET)
    asked = [*removing.confirmation.parts, removing.pending]
    removing.remove.click(act.ask_remove, view.chosen, asked, **_QUIET)
    removing.forget.click(act.ask_forget, view.chosen, asked, **_QUIET)
    removing.confirmation.yes.click(act.take_out, removing.pending, [*asked, *running], **_QUIET)
    for confirmation in (adding.confirmation, removing.confirmation):
        confirmation.no.click(confirmation.closed, None, confirmation.parts, **_QUIET)
    view.chosen.change(act.choose, view.chosen, [removing.row, *asked], **_QUIET)
    look = [view.query, view.chosen]
    adding.timer.tick(act.look, look, [*running, removing.row, *view.filled], **_QUIET)


@dataclass(frozen=True, slots=True)
class Acting:
    """What happens when something is pressed; each looks anew whether the user may."""

    adding: Adding
    removing: Removing
    showing: Showing
    uploads: Uploads
    may_write: Callable[[str], bool]

    def open(self, chosen: str, request: gr.Request) -> Updates:
        """Show what the user may do, and jobs under way."""
        allowed = self._may(request)
        shown = {self.adding.column: gr.Column(visible=allowed), self.removing.row: self._row(chosen, request)}
        return {**shown, **self._jobs(request)}

    def add(self, sent: object, request: gr.Request) -> Updates:
        """Take in what was uploaded."""
        self._require(request)
        if files := uploaded(sent):
            self.uploads.add(files, owner=_user(request))
        return {self.adding.files: None, **self._started(request)}

    def ask_reread(self, request: gr.Request) -> Updates:
        """Ask before all files are read again."""
        self._require(request)
        return self.adding.confirmation.asking(REINGEST_TEXT, yes="Read again")

    def reread(self, request: gr.Request) -> Updates:
        """Have all files read again."""
        self._require(request)
        self.uploads.reingest(owner=_user(request))
        return {**self.adding.confirmation.closed(), **self._started(request)}

    def ask_remove(self, chosen: str, request: gr.Request) -> Updates:
        """Ask before the brief is removed, or say why it cannot be."""
        self._require(request)
        removal = self.uploads.removal(chosen)
        if removal is None:
            return {**self.removing.confirmation.asking(_UNKNOWN), self.removing.pending: ("", "")}
        yes = "" if removal.refusal else "Remove it"
        return {
            **self.removing.confirmation.asking(removal_text(removal), yes=yes),
            self.removing.pending: ("remove", chosen),
        }

    def ask_forget(self, chosen: str, request: gr.Request) -> Updates:
        """Ask before the brief is forgotten."""
        self._require(request)
        removal = self.uploads.removal(chosen)
        if removal is None:
            return {**self.removing.confirmation.asking(_UNKNOWN), self.removing.pending: ("", "")}
        asking = self.removing.confirmation.asking(forgetting_text(removal), yes="Forget it for good")
        return {**asking, self.removing.pending: ("forget", chosen)}

    def take_out(self, pending: tuple[str, str], request: gr.Request) -> Updates:
        """Do what was asked about, to the brief that it was asked about."""
        self._require(request)
        task, brief_id = pending
        if task == "remove":
            self.uploads.remove(brief_id, owner=_user(request))
        elif task == "forget":
            self.uploads.forget(brief_id, owner=_user(request))
        return {**self.removing.confirmation.closed(), self.removing.pending: ("", ""), **self._started(request)}

    def choose(self, chosen: str, request: gr.Request) -> Updates:
        """Follow the brief that is read: what was asked about the one before is put away."""
        shown = {self.removing.row: self._row(chosen, request), self.removing.pending: ("", "")}
        return {**self.removing.confirmation.closed(), **shown}

    def look(self, query: Any, chosen: str, request: gr.Request) -> Updates:
        """Show how far jobs are, and when the last is over what the corpus is now."""
        updates = self._jobs(request)
        if not self._is_running(request):
            updates |= self.showing.all(query, chosen)
            updates[self.removing.row] = self._row(chosen, request)
        return updates

    def _started(self, request: gr.Request) -> Updates:
        """Show the jobs, and look once more even if the new one is over already: what is shown is not yet what is."""
        return {**self._jobs(request), self.adding.timer: gr.Timer(active=True)}

    def _jobs(self, request: gr.Request) -> Updates:
        # Asked first: a job that ends in between is then looked at once more.
        running = self._is_running(request)
        html = jobs_html(self.uploads.jobs(owner=_user(request))) if self._may(request) else ""
        return {self.adding.jobs: html, self.adding.timer: gr.Timer(active=running)}

    def _is_running(self, request: gr.Request) -> bool:
        return any(not job.is_over for job in self.uploads.jobs(owner=_user(request)))

    def _row(self, chosen: str, request: gr.Request) -> gr.Row:
        there = bool(chosen) and self._may(request) and self.uploads.removal(chosen) is not None
        return gr.Row(visible=there)

    def _may(self, request: gr.Request) -> bool:
        return self.may_write(_user(request))

    def _require(self, request: gr.Request) -> None:
        if not self._may(request):
            raise gr.Error(_MAY_NOT, print_exception=False)


def _user(request: gr.Request) -> str:
    return request.username or ""
