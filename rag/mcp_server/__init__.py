"""The briefs for MCP clients (Model Context Protocol): tools and resources, over stdio and HTTP.

`mcp_app` gives what another HTTP server serves at /mcp, `serve_stdio` and `serve_http` serve alone. What they serve
is a corpus: `OpenCorpus` of parts that are open, `LazyCorpus` of settings.
"""

from rag.mcp_server.corpus import Corpus, LazyCorpus, OpenCorpus
from rag.mcp_server.http import McpApp, mcp_app, serve_http
from rag.mcp_server.server import mcp_server
from rag.mcp_server.stdio import serve_stdio

__all__ = ["Corpus", "LazyCorpus", "McpApp", "OpenCorpus", "mcp_app", "mcp_server", "serve_http", "serve_stdio"]
