"""The figures as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def shown(figures: Mapping[str, Any]) -> str:
    """Return the figures as Markdown."""
    sizes: Sequence[Mapping[str, Any]] = figures["sizes"]
    return "\n".join(
        [
            f"{figures['places']}, {figures['machine']}",
            "",
            *_table("chunks", sizes, lambda size: {"briefs": size["n_briefs"], **_memory(size)}),
            *_table("seconds per 1,000 chunks", sizes, lambda size: size["s_per_1000"]),
            *_table("seconds of CPU per 1,000 chunks", sizes, lambda size: size["cpu_s_per_1000"]),
            *_table("bytes per chunk", sizes, lambda size: _per_chunk(size["bytes"], size["n_chunks"])),
            *_table("bytes per chunk, by table", sizes, lambda size: _per_chunk(size["tables"], size["n_chunks"])),
            *_table("ms, p50 / p95 (n)", sizes, _times),
            *_embedding(figures["embedding"]),
        ]
    )


def _table(title: str, sizes: Sequence[Mapping[str, Any]], column: Any) -> Iterator[str]:
    """Yield a table with a column per size; `column` gives its cells by row."""
    columns = [column(size) for size in sizes]
    yield f"| {title} | " + " | ".join(f"{size['n_chunks']:,}" for size in sizes) + " |"
    yield "| --- |" + " ---: |" * len(sizes)
    for row in columns[-1]:
        yield f"| {row} | " + " | ".join(str(cells.get(row, "")) for cells in columns) + " |"
    yield ""


def _memory(size: Mapping[str, Any]) -> dict[str, Any]:
    servers = {f"MB of {name}": mb for name, mb in size["servers_mb"].items()}
    filled = {f"MB of {name} after filling": mb for name, mb in size["servers_mb_after_filling"].items()}
    reader = {"MB that a reader needs more": size["warm"]["reader_mb"]}
    return reader | servers | filled | {"first question after filling, s": size["first_question_after_filling_s"]}


def _per_chunk(sizes: Mapping[str, int], n_chunks: int) -> dict[str, int]:
    each = {name: round(size / n_chunks) for name, size in sizes.items()}
    return {name: size for name, size in each.items() if size} | {"in all": sum(each.values())}


def _times(size: Mapping[str, Any]) -> dict[str, str]:
    cold = size["cold"]
    kinds: Mapping[str, Mapping[str, Mapping[str, float]]] = size["warm"]["ms"]
    return {
        "cold: opening and first question": str(cold["first_ms"]),
        "cold: the next questions": _cell(cold["next"]),
        **{f"{kind}, {scope}": _cell(cell) for kind, cells in kinds.items() for scope, cell in cells.items()},
    }


def _cell(found: Mapping[str, float]) -> str:
    return f"{found['p50']} / {found['p95']} ({found['n']})"


def _embedding(speed: Mapping[str, Any] | None) -> list[str]:
    if speed is None:
        return []
    rates = ", ".join(f"{name.replace('_', ' ')} {rate}" for name, rate in speed.items() if "float" in name)
    return [f"embedding {speed['n']} real chunks of {speed['mean_chars']} characters: {rates}"]
