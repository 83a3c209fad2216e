"""The options of `geobrief serve` that are about the service, and the service that they make."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.errors import UsageError

if TYPE_CHECKING:
    from starlette.requests import Request

    from rag.assistant import Assistant
    from rag.service.app import ServiceApp
    from rag.service.audit import AuditLog
    from rag.service.keys import ApiKeys
    from rag.settings import Settings
    from rag.uploads import Uploads

KeysOption = Annotated[
    Path | None,
    typer.Option("--api-keys", help="Ask programs for a key: a file made by `geobrief keys add`."),
]
AtOnceOption = Annotated[int, typer.Option("--at-once", min=1, max=64, help="Questions of programs answered at once.")]
WaitingOption = Annotated[
    int, typer.Option("--waiting", min=0, max=10_000, help="Further ones that may wait; the others are told to retry.")
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=1, max=3600, help="Seconds that an answer may take.")]
RateOption = Annotated[
    int, typer.Option("--rate", min=0, help="Requests a minute of one key, or of one address without keys; 0: any.")
]
AuditOption = Annotated[
    Path | None, typer.Option("--audit-log", help="File for a line on each request of a program (default stderr).")
]
NoAuditOption = Annotated[bool, typer.Option("--no-audit", help="Keep no such lines.")]
QuestionsOption = Annotated[bool, typer.Option("--audit-questions", help="Keep the text of questions in them, too.")]
TracesOption = Annotated[
    str | None,
    typer.Option("--traces", help="Send traces to this OTLP collector, such as http://127.0.0.1:4318. Default: none."),
]
TracesTextOption = Annotated[
    bool, typer.Option("--traces-text", help="Let the traces hold the text of questions and answers.")
]


class LogFormat(StrEnum):
    """How the log on stderr is written."""

    TEXT = "text"
    JSON = "json"


LogFormatOption = Annotated[LogFormat, typer.Option("--log-format", help="How the log on stderr is written.")]


@dataclass(frozen=True)
class Observed:
    """What the process tells of itself.

    Attributes:
        traces: address that spans are sent to.
        traces_text: whether they hold questions and answers.
    """

    log_format: LogFormat = LogFormat.TEXT
    traces: str | None = None
    traces_text: bool = False

    def begin(self, opened: ExitStack) -> None:
        """Write the log, and send traces, as chosen, until the stack is closed.

        Raises:
            UsageError: if traces cannot be sent to what is named.
        """
        if self.log_format is LogFormat.JSON:
            from rag.service.json_logs import json_logs

            opened.enter_context(json_logs(sys.stderr))
        if self.traces is not None:
            from rag.service.app import own_version
            from rag.service.traces import exported_traces, traces_endpoint

            opened.enter_context(exported_traces(traces_endpoint(self.traces), version=own_version()))


@dataclass(frozen=True)
class ServiceOptions:
    """How the service is to be served.

    Attributes:
        observed: its log takes the lines of the audit, too, where these have no file and it is JSON.
        is_private: whether nobody but who sits at this machine can reach it, or everybody is meant to: it then needs
            no keys.
    """

    keys: Path | None
    is_private: bool
    at_once: int
    waiting: int
    timeout_s: float
    per_minute: int
    audit_log: Path | None
    no_audit: bool
    audit_questions: bool
    observed: Observed = Observed()

    def checked_keys(self) -> ApiKeys | None:
        """Read the file of keys once, so that a bad one is told before anything slow."""
        if self.keys is None:
            return None
        from rag.service.keys import ApiKeys

        keys = ApiKeys(self.keys)
        if not keys.listed():
            raise UsageError(f"no key is in {self.keys}; make one with `geobrief keys add NAME --file {self.keys}`")
        return keys

    def audit(self) -> AuditLog:
        """Open the audit log."""
        from rag.service.audit import AuditLog

        return AuditLog(None if self.no_audit else self._lines(), self.audit_questions)

    def _lines(self) -> Callable[[str], None]:
        from rag.service.audit import lines_to, lines_to_file, lines_to_log

        if self.audit_log is None:
            return lines_to_log() if self.observed.log_format is LogFormat.JSON else lines_to(sys.stderr)
        try:
            return lines_to_file(self.audit_log)
        except OSError as error:
            raise UsageError(f"the audit log {self.audit_log} cannot be written: {error.strerror}") from error


def open_service(
    options: ServiceOptions, keys: ApiKeys | None, assistant: Assistant, uploads: Uploads, settings: Settings
) -> ServiceApp:
    """Return the service as an application. Close it in the end."""
    from starlette.routing import Route

    from rag.mcp_server import OpenCorpus, mcp_app
    from rag.service.answering import Answering
    from rag.service.app import create_app
    from rag.service.chat_completions import service_router
    from rag.service.evaluations import Evaluations
    from rag.service.rates import BURST_S, Rates
    from rag.service.service import Service

    answering = Answering(at_once=options.at_once, waiting=options.waiting, timeout_s=options.timeout_s)
    service = Service(assistant, uploads, Evaluations(settings), answering)
    per_s = options.per_minute / 60
    rates = Rates(per_s, max(1, round(per_s * BURST_S))) if per_s else None
    mcp = mcp_app(OpenCorpus(assistant, uploads), may_add=_may_write, asking=service)
    return create_app(
        service,
        keys=keys,
        is_open=options.is_private,
        rates=rates,
        audit=options.audit(),
        routers=[service_router()],
        routes=[Route("/mcp", mcp)],
        lifespans=[mcp.running],
    )


def _may_write(request: Request | None) -> bool:
    """Whether who sends a request to the MCP server may add briefs."""
    from rag.service.access import caller_of

    return request is not None and caller_of(request).allows("write")
