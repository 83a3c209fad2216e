"""A GGUF model in this process, as a langchain chat model: llama.cpp through `xllamacpp` (extra `local-llm`)."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.errors import UsageError

_LOADING = threading.Lock()
_ROLES = {"human": "user", "ai": "assistant", "system": "system"}
_QUIET = -1
_TOKEN_S = 10.0
"""Longest wait for the token after which a cancelled reply ends."""


class GgufChat(BaseChatModel):
    """Chats with a GGUF file. Streams token by token; greedy, so that the same prompt gives the same reply.

    The weights load on first use and stay for the life of the process, once for each file and context length.

    Attributes:
        path: of the file.
        n_ctx: longest prompt and reply together, in tokens.
        timeout: longest time without a token, in seconds.
    """

    path: Path
    n_ctx: int = 4096
    max_tokens: int = 300
    temperature: float = 0.0
    timeout: float = 60.0

    @property
    def _llm_type(self) -> str:
        return "gguf"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.path.name, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = {
            "messages": _plain(messages),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "stop": stop or [],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        for event in _streamed(_server(str(self.path), self.n_ctx), request, timeout=self.timeout):
            for message in _chunks(event):
                if run_manager and message.text:
                    run_manager.on_llm_new_token(str(message.text))
                yield ChatGenerationChunk(message=message)


def _streamed(server: Any, request: dict[str, Any], *, timeout: float) -> Iterator[dict[str, Any]]:
    """Yield the events of a reply as they come. What is no longer read is cancelled.

    Raises:
        TimeoutError: if nothing comes for `timeout` seconds.
        RuntimeError: if the server tells an error.
    """
    events: queue.Queue[dict[str, Any] | None] = queue.Queue()
    over = threading.Event()

    def take(event: dict[str, Any]) -> bool:
        events.put(event)
        return over.is_set()

    def run() -> None:
        try:
            reply = server.handle_chat_completions(request, take)
            if isinstance(reply, dict):
                events.put(reply)
        except Exception as error:
            events.put({"error": {"message": str(error)}})
        finally:
            events.put(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while (event := events.get(timeout=timeout)) is not None:
            if "error" in event:
                raise RuntimeError(event["error"].get("message") or "the local model failed")
            yield event
    except queue.Empty:
        raise TimeoutError(f"the local model wrote nothing for {timeout:g} s") from None
    finally:
        over.set()
        thread.join(_TOKEN_S)  # a thread inside llama.cpp may not outlive the interpreter


def _chunks(event: dict[str, Any]) -> Iterator[AIMessageChunk]:
    for choice in event.get("choices") or []:
        text = (choice.get("delta") or {}).get("content") or ""
        end = choice.get("finish_reason")
        if text or end:
            yield AIMessageChunk(content=text, response_metadata={"finish_reason": end} if end else {})
    if used := event.get("usage"):
        counted = UsageMetadata(
            input_tokens=used["prompt_tokens"],
            output_tokens=used["completion_tokens"],
            total_tokens=used["total_tokens"],
        )
        yield AIMessageChunk(content="", usage_metadata=counted)


def _plain(messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
    return [{"role": _ROLES.get(message.type, "user"), "content": str(message.text)} for message in messages]


def _server(path: str, n_ctx: int) -> Any:
    """Return a model's server, which is loaded once. Raises what `_loaded` does."""
    with _LOADING:
        return _loaded(path, n_ctx)


@lru_cache(maxsize=2)
def _loaded(path: str, n_ctx: int) -> Any:
    """Load a model.

    llama.cpp's server also listens on a port of this machine; a key that nobody is told closes it.

    Raises:
        UsageError: if xllamacpp is missing, or the file is none that it can load.
    """
    try:
        import xllamacpp  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise UsageError("a gguf: model needs the extra local-llm: pip install 'geobrief[local-llm]'") from error
    if not Path(path).is_file():
        raise UsageError(f"there is no model file at {path}; set llm.model to gguf:PATH of a GGUF file")
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx = n_ctx
    params.n_parallel = 1
    params.warmup = False
    params.verbosity = _QUIET
    params.api_keys = [secrets.token_urlsafe(32)]
    try:
        return xllamacpp.Server(params)
    except Exception as error:
        raise UsageError(f"the model {path} cannot be loaded ({error}); is it a GGUF file?") from error
