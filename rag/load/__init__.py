"""Find source files and turn their bytes into briefs. `READERS[suffix]` is the seam for another format.

Example: `[parse(file, file.read(max_bytes=50_000_000)) for file in find(["corpus"]).files]`
"""

from rag.load.brief import Parsed, Reader
from rag.load.files import Failure, Found, SourceFile, find
from rag.load.readers import READERS, parse
from rag.load.sources import ParsedSource, ParseSources, Source, parse_sources

__all__ = [
    "READERS",
    "Failure",
    "Found",
    "ParseSources",
    "Parsed",
    "ParsedSource",
    "Reader",
    "Source",
    "SourceFile",
    "find",
    "parse",
    "parse_sources",
]
