"""End a worker process that takes too long: Ray waits for a task for ever."""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def watchdog(timeout_s: float) -> Iterator[None]:
    """End this process if the block takes longer; Ray then tries its task again in another one.

    A thread of the interpreter's own does it, which needs no lock of Python's: a parser that hangs in C is ended, too.
    """
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(timeout_s, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
