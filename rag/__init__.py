"""geobrief: answers over a corpus of geopolitical briefs, in quotes that anyone can check again.

    from rag import open_assistant

    assistant = open_assistant(index=".geobrief")
    print(assistant.ask("what sectors will they cooperate on").text)

docs/embedding.md shows the rest. The names load on first use, so that `import rag` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.answer import Answer, Citation, Sentence
    from rag.assistant import Assistant
    from rag.build import open_assistant, open_index
    from rag.errors import RagError
    from rag.ingest import SyncReport, sync
    from rag.settings import Settings, load_settings
    from rag.types import Brief, DateInterval, Scope

_HOME = {
    "Answer": "rag.answer",
    "Assistant": "rag.assistant",
    "Brief": "rag.types",
    "Citation": "rag.answer",
    "DateInterval": "rag.types",
    "RagError": "rag.errors",
    "Scope": "rag.types",
    "Sentence": "rag.answer",
    "Settings": "rag.settings",
    "SyncReport": "rag.ingest",
    "sync": "rag.ingest",
    "load_settings": "rag.settings",
    "open_assistant": "rag.build",
    "open_index": "rag.build",
}

__all__ = [
    "Answer",
    "Assistant",
    "Brief",
    "Citation",
    "DateInterval",
    "RagError",
    "Scope",
    "Sentence",
    "Settings",
    "SyncReport",
    "load_settings",
    "open_assistant",
    "open_index",
    "sync",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
