"""What tests run in the processes of a cluster: work that stops, hangs or dies, as files in a folder say."""

from __future__ import annotations

import os
import signal
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rag.cluster.parsing import parse_row
from rag.cluster.watchdog import watchdog
from tests.fakes import HashEmbeddings

FOLDER = "GEOBRIEF_DATA"
"""Variable with the folder: the only one with the prefix that is no setting."""


def pid_file(kind: str) -> Path:
    return Path(os.environ[FOLDER]) / f"{kind}.pid"


class StoppingEmbeddings(HashEmbeddings):
    """Embeds, but the first piece that it is given waits to be killed, once the test has asked for that."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if len(texts) > 1:
            _wait_to_be_killed("embed")
        return super().embed_documents(texts)


def stopping_parse_row(row: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Parse, but wait to be killed at the first file whose name begins with "stop"."""
    if Path(row["path"]).name.startswith("stop"):
        _wait_to_be_killed("parse")
    return parse_row(row, **options)


def deadly_parse_row(row: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Die of files that are named "deadly", count how often, and parse the others."""
    if Path(row["path"]).name.startswith("deadly"):
        with pid_file("deadly").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return parse_row(row, **options)


def sleeping_parse_row(row: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Parse, but take for ever over files that are named "slow", as a reader that hangs does."""
    with watchdog(options["timeout_s"]) if Path(row["path"]).name.startswith("slow") else nullcontext():
        if Path(row["path"]).name.startswith("slow"):
            time.sleep(60)
    return parse_row(row, **options)


def _wait_to_be_killed(kind: str) -> None:
    path = pid_file(kind)
    if path.with_suffix(".wanted").exists() and not path.exists():
        path.write_text(str(os.getpid()))
        time.sleep(60)
