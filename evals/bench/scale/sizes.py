"""Bytes on disk by part, and memory of processes."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from evals.bench.scale.places import Places
from rag.places import CATALOGUE_FILE, VECTORS_FOLDER

WORD_TABLES = re.compile(r"chunks_fts|chunk_words|term_counts|word_totals")


def disk_bytes(places: Places) -> dict[str, int]:
    """Return bytes by part: catalogue, words, and of the vectors Chroma's database and its graph."""
    found: Counter[str] = Counter()
    for name, size in _tables(places).items():
        found["words" if WORD_TABLES.match(name) else "catalogue"] += size
    local = places.settings.store.url is None
    vectors = places.settings.index / VECTORS_FOLDER if local else places.folder / "chroma"
    for path in vectors.rglob("*"):
        if path.is_file():
            found["graph of vectors" if path.parent != vectors else "Chroma's database"] += path.stat().st_size
    return dict(found)


def table_bytes(places: Places) -> dict[str, int]:
    """Return the bytes of each table with its indexes, largest first."""
    return dict(sorted(_tables(places).items(), key=lambda pair: -pair[1]))


def _tables(places: Places) -> Mapping[str, int]:
    url = places.settings.catalogue.url
    if url is None:
        path = places.settings.index / CATALOGUE_FILE
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute(
                "SELECT coalesce(m.tbl_name, s.name), sum(s.pgsize) FROM dbstat s "
                "LEFT JOIN sqlite_schema m ON m.name = s.name GROUP BY 1"
            )
            return {str(name): int(size) for name, size in rows}
    import psycopg

    with psycopg.connect(url.get_secret_value()) as server:
        sizes = server.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        )
        return {str(name): int(size) for name, size in sizes}


def vacuum(places: Places) -> None:
    """Do what PostgreSQL's own cleaning does within a minute or so of a large write."""
    url = places.settings.catalogue.url
    if url is not None:
        import psycopg

        with psycopg.connect(url.get_secret_value(), autocommit=True) as server:
            server.execute("VACUUM (ANALYZE)")


def server_mb(places: Places) -> dict[str, int]:
    """Return the memory of each server in MB, with that of its children; what they share counts once."""
    return {name: round(sum(resident_mb(one) for one in _family(pid))) for name, pid in places.servers.items()}


def cpu_s(places: Places) -> dict[str, float]:
    """Return the seconds of CPU that this process and each server have used, those of ended children included."""
    used = {name: sum(_cpu(one) for one in _family(pid)) for name, pid in places.servers.items()}
    return {"geobrief": _cpu(Path("/proc/self")), **used}


def resident_mb(process: Path) -> float:
    """Return the memory of a process, a folder of /proc, in MB; its share where it has some with others."""
    with suppress(OSError):
        rows = (process / "smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) / 1000
    return 0.0


def _family(pid: int) -> list[Path]:
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [Path(f"/proc/{pid}"), *(Path(f"/proc/{child}") for child in children)]
    return []


def _cpu(process: Path) -> float:
    with suppress(OSError):
        ticks = (process / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[11:15]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return 0.0
