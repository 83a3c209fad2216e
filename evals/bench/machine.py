"""The machine that figures come from, in a line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from rag.embedding import native_dtype


def machine() -> str:
    """Name the cores, the processor and the number format that models compute in. Imports torch."""
    return f"{os.cpu_count()} cores ({_processor()}), {native_dtype()}, Python {platform.python_version()}"


def _processor() -> str:
    try:
        rows = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((row.partition(": ")[2] for row in rows if row.startswith("model name")), platform.machine())
