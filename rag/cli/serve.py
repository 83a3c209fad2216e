"""The command that starts the chat in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from rag.cli.options import ConfigOption, IndexOption, settings_from

EXAMPLES = (
    "what sectors will they cooperate on",
    "When did Finland join NATO?",
    "Why were ship transits through the Panama Canal reduced?",
)


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 7860,
    index: IndexOption = None,
    config: ConfigOption = None,
) -> None:
    """Start the chat in a browser.

    Example: geobrief serve --port 7861
    """
    settings = settings_from(index, config)
    from rag.ui import build_ui, launch, require_free_port

    require_free_port(host, port)
    from rag.build import open_assistant, warm_up

    assistant = open_assistant(settings)
    warm_up(assistant)
    launch(build_ui(assistant, examples=EXAMPLES), host=host, port=port, examples=EXAMPLES)
