"""The command that starts the chat in a browser, and the service for programs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import (
    AllowHostOption,
    ConfigOption,
    IndexOption,
    InsecureOption,
    require_loopback,
    settings_from,
)
from rag.cli.service import (
    AtOnceOption,
    AuditOption,
    KeysOption,
    LogFormat,
    LogFormatOption,
    NoAuditOption,
    Observed,
    QuestionsOption,
    RateOption,
    ServiceOptions,
    TimeoutOption,
    TracesOption,
    TracesTextOption,
    WaitingOption,
    open_service,
)
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.service.keys import ApiKeys
    from rag.settings import Settings
    from rag.users import Users

_SIGN_IN = "let people sign in with --auth FILE (`geobrief users add NAME --file FILE` makes it)"

WARM_UP = "What is new?"
EXAMPLES = (
    "what sectors will they cooperate on",
    "When did Finland join NATO?",
    "Why were ship transits through the Panama Canal reduced?",
)


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 7860,
    auth: Annotated[
        Path | None, typer.Option("--auth", help="Ask users to sign in: a file made by `geobrief users add`.")
    ] = None,
    insecure: InsecureOption = False,
    allow_host: AllowHostOption = None,
    api_keys: KeysOption = None,
    at_once: AtOnceOption = 2,
    waiting: WaitingOption = 64,
    timeout: TimeoutOption = 60,
    rate: RateOption = 1200,
    audit_log: AuditOption = None,
    no_audit: NoAuditOption = False,
    audit_questions: QuestionsOption = False,
    log_format: LogFormatOption = LogFormat.TEXT,
    traces: TracesOption = None,
    traces_text: TracesTextOption = False,
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Start the chat in a browser, and the service for programs below /v1.

    Example: geobrief serve --port 7861
    """
    settings = settings_from(index, config)
    users = _users(auth)
    is_private = _is_private(host, users, insecure, allow_host or ())
    observed = Observed(log_format, traces, traces_text)
    options = ServiceOptions(
        api_keys, is_private, at_once, waiting, timeout, rate, audit_log, no_audit, audit_questions, observed
    )
    keys = options.checked_keys()
    from rag.ui import require_free_port
    from rag.ui.web.hosts import Hosts

    Hosts.of(host, port, allowed=allow_host or ())  # before anything slow: it refuses what is no name
    require_free_port(host, port)
    if users is None:
        require_loopback(host, insecure=insecure, instead=_SIGN_IN, warning="; nobody has to sign in")
    with ExitStack() as opened:
        observed.begin(opened)
        _serve(settings, options, keys, host=host, port=port, users=users, allowed_hosts=allow_host or ())


def _serve(
    settings: Settings,
    options: ServiceOptions,
    keys: ApiKeys | None,
    *,
    host: str,
    port: int,
    users: Users | None,
    allowed_hosts: Sequence[str],
) -> None:
    """Load what answers, and serve page and service until interrupted."""
    from rag.build import open_assistant, open_embeddings, warm_up
    from rag.evaluation.kept import reports_folder
    from rag.ui import build_ui, launch
    from rag.ui.library import CatalogueLibrary
    from rag.ui.web.exporting import export_route
    from rag.ui.web.visitor import user_of
    from rag.uploads import Uploads
    from rag.userdata import USERDATA_FILE, UserData
    from rag.watch import watching

    embeddings = open_embeddings(settings)
    assistant = replace(open_assistant(settings, embeddings=embeddings), capture_text=options.observed.traces_text)
    warm_up(assistant)
    with ExitStack() as opened:
        userdata = opened.enter_context(closing(UserData(settings.folder / USERDATA_FILE)))
        uploads = opened.enter_context(closing(Uploads(settings, embeddings=embeddings)))
        opened.enter_context(watching(assistant.catalogue, lambda: assistant.search(WARM_UP, k=1)))
        service = opened.enter_context(closing(open_service(options, keys, assistant, uploads, settings)))
        page = build_ui(
            assistant,
            examples=EXAMPLES,
            library=CatalogueLibrary(assistant.catalogue),
            userdata=userdata,
            uploads=uploads,
            reports=reports_folder(settings.index),
        )
        launch(
            page,
            host=host,
            port=port,
            examples=EXAMPLES,
            users=users,
            allowed_hosts=allowed_hosts,
            routes=[export_route(userdata, user_of)],
            service=service,
        )


def _users(path: Path | None) -> Users | None:
    """Read the users file once, so that a bad one is told before anything slow."""
    if path is None:
        return None
    from rag.users import Users

    users = Users(path)
    if not users.names():
        raise UsageError(f"nobody is in {path}; add somebody with `geobrief users add NAME --file {path}`")
    return users


def _is_private(host: str, users: Users | None, insecure: bool, allowed: Sequence[str]) -> bool:
    """Whether programs need no key: on an address of this machine that no proxy passes on to, or if that is asked for.

    Who lets people sign in wants programs to have keys.
    """
    from rag.ui.web.hosts import is_loopback

    return users is None and (insecure or (is_loopback(host) and not allowed))
