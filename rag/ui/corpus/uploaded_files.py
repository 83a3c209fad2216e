"""The files that a page says it uploaded."""

from __future__ import annotations

from pathlib import Path

from gradio.utils import get_upload_folder


def uploaded(sent: object) -> list[tuple[Path, str]]:
    """Return the files, with the names that they were sent under, of what a file component sent.

    The page sends places on this machine; one outside gradio's folder of uploads, links followed, is left out.
    """
    folder = Path(get_upload_folder()).resolve()
    files = [_file(one) for one in (sent if isinstance(sent, list) else [sent]) if isinstance(one, dict)]
    return [file for file in files if file is not None and file[0].is_relative_to(folder)]


def _file(sent: dict[str, object]) -> tuple[Path, str] | None:
    place, name = sent.get("path"), sent.get("orig_name")
    if not isinstance(place, str) or "\x00" in place:
        return None
    path = Path(place).resolve()
    return path, name if isinstance(name, str) and name else path.name
