"""What the tools work on: one corpus, open already or opened by the first call that needs it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from rag.assistant import Assistant
    from rag.catalogue import Catalogue
    from rag.settings import Settings
    from rag.uploads import Uploads


class Corpus(Protocol):
    """Gives what is asked. All methods may take seconds, are safe for threads, and raise a `RagError`."""

    def open_catalogue(self) -> Catalogue:
        """Return the catalogue; loads no model."""
        ...

    def open_assistant(self) -> Assistant:
        """Return the assistant, its models loaded."""
        ...

    def open_uploads(self) -> Uploads | None:
        """Return what takes briefs in; None where that is off."""
        ...

    @property
    def may_add(self) -> bool:
        """Whether briefs may be added."""
        ...


@dataclass(frozen=True)
class OpenCorpus:
    """A corpus whose parts are open; their owner closes them."""

    assistant: Assistant
    uploads: Uploads | None = None

    def open_catalogue(self) -> Catalogue:
        """Return the catalogue of the assistant."""
        return self.assistant.catalogue

    def open_assistant(self) -> Assistant:
        """Return the assistant."""
        return self.assistant

    def open_uploads(self) -> Uploads | None:
        """Return what takes briefs in, if anything."""
        return self.uploads

    @property
    def may_add(self) -> bool:
        """Whether there is anything that takes briefs in."""
        return self.uploads is not None


@dataclass
class LazyCorpus:
    """The corpus of some settings, opened when it is first needed. What failed to open is tried again by the next call.

    Attributes:
        may_add: whether briefs may be added; the index is then made where there is none.
    """

    settings: Settings
    may_add: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _embeddings: Embeddings | None = None
    _catalogue: Catalogue | None = None
    _assistant: Assistant | None = None
    _uploads: Uploads | None = None

    def open_catalogue(self) -> Catalogue:
        """Return the catalogue. Does not wait for models that load meanwhile."""
        from rag.build import open_index

        if self._catalogue is None:
            self._catalogue = open_index(self.settings, create=self.may_add).catalogue
        return self._catalogue

    def open_assistant(self) -> Assistant:
        """Return the assistant; the first call loads its models, and those beside it wait."""
        from rag.build import open_assistant, warm_up

        with self._lock:
            if self._assistant is None:
                self.open_uploads()
                assistant = open_assistant(self.settings, embeddings=self._model())
                warm_up(assistant)
                self._assistant = assistant
            return self._assistant

    def open_uploads(self) -> Uploads | None:
        """Return what takes briefs in; it shares the assistant's embedding model."""
        from rag.uploads import Uploads

        with self._lock:
            if self._uploads is None and self.may_add:
                self._uploads = Uploads(self.settings, embeddings=self._model())
            return self._uploads

    def close(self) -> None:
        """Finish the file under way."""
        if self._uploads is not None:
            self._uploads.close()

    def _model(self) -> Embeddings:
        from rag.build import open_embeddings

        if self._embeddings is None:
            self._embeddings = open_embeddings(self.settings)
        return self._embeddings
