"""Days as people give them to a command, a field or an argument."""

from __future__ import annotations

from datetime import date

from rag.errors import UsageError
from rag.types import DateInterval


def day(name: str, value: str, *, last: bool) -> date:
    """Read YYYY, YYYY-MM or YYYY-MM-DD: its last day, or its first.

    Raises:
        UsageError: beginning with the name, if it is no date.
    """
    try:
        interval = DateInterval.parse(value)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from error
    return interval.end if last else interval.start
