"""The chat in the browser: renders answers, holds no retrieval logic.

`build_ui` makes the page, `launch` serves it, `require_free_port` fails early when the address is taken. The two
that need gradio (seconds to import) load on first use.
"""

from __future__ import annotations

import getpass
import importlib
import os
import tempfile
from typing import TYPE_CHECKING, Any

from rag.ui.port import require_free_port

if TYPE_CHECKING:
    from rag.ui.chat.conversation import Answers
    from rag.ui.page import build_ui
    from rag.ui.web.serve import launch

__all__ = ["Answers", "build_ui", "launch", "require_free_port"]

# Read by gradio and huggingface_hub when they are imported, so set before any module of ours imports them.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# What users send lies there until it is ingested: not in a folder that all users of the machine share.
_USER = os.getuid() if hasattr(os, "getuid") else getpass.getuser()  # in a container, the uid may have no name
os.environ.setdefault("GRADIO_TEMP_DIR", os.path.join(tempfile.gettempdir(), f"geobrief-{_USER}"))

_HOME = {"Answers": "chat.conversation", "build_ui": "page", "launch": "web.serve"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
