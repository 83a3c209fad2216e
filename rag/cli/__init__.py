"""The command line: `geobrief`. Each command is a thin edge over the public functions."""

from rag.cli.main import app, main, serve_main

__all__ = ["app", "main", "serve_main"]
