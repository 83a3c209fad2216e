"""The chat model that the settings name, by langchain's `init_chat_model` or in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel

from rag.embedding import model_from
from rag.errors import UsageError
from rag.settings import LlmSettings

GGUF = "gguf:"


def open_chat_model(chosen: LlmSettings) -> BaseChatModel:
    """Return a chat model. Nothing is called on the network before the first question.

    Raises:
        UsageError: if the provider is unknown, its package is missing, or it lacks a key; the message tells what to do.
    """
    name = chosen.model or ""
    if name.startswith(GGUF):
        from rag.local_llm import GgufChat

        return GgufChat(
            path=Path(name.removeprefix(GGUF)).expanduser(),
            n_ctx=chosen.n_ctx,
            max_tokens=chosen.max_tokens,
            temperature=chosen.temperature,
            timeout=chosen.timeout_s,
        )
    provider, _, model = name.partition(":")
    if "." in provider:
        return model_from(name, BaseChatModel)  # type: ignore[type-abstract]
    return _by_langchain(provider, model, chosen)


def llm_name(model: str) -> str:
    """Return what names a model to people: for a file its name, not where it lies."""
    return Path(model.removeprefix(GGUF)).name if model.startswith(GGUF) else model


def _by_langchain(provider: str, model: str, chosen: LlmSettings) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    if not model:
        raise UsageError(f"llm.model {provider!r} names no provider; write PROVIDER:NAME, such as ollama:llama3.2")
    options: dict[str, Any] = {"temperature": chosen.temperature}
    if provider == "ollama":  # its client has other names for these, and tries once
        options |= {"num_predict": chosen.max_tokens, "client_kwargs": {"timeout": chosen.timeout_s}}
    else:
        options |= {"max_tokens": chosen.max_tokens, "timeout": chosen.timeout_s, "max_retries": chosen.max_retries}
    if chosen.base_url:
        options["base_url"] = chosen.base_url
    try:
        opened: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
    except ImportError as error:
        package = f"langchain-{provider.replace('_', '-')}"
        raise UsageError(f"llm.model {provider}:{model} needs a package: pip install {package} ({error})") from error
    except Exception as error:
        raise UsageError(f"llm.model {provider}:{model} cannot be used: {error}") from error
    return opened
