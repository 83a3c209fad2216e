"""A small real LLM in this process: SmolLM2-135M, which invents freely and is given no chance to show it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evals.sample_small_llm import weights
from rag.build import open_assistant
from rag.errors import UsageError
from rag.llm import llm_name, open_chat_model
from rag.local_llm import GgufChat
from rag.settings import LlmSettings, Settings
from tests.conftest import Desk
from tests.test_writing import IN_PLACES, INJECTIONS, LEAK, QUESTION, TALKS, brief_with

CACHE = Path(__file__).parents[1] / ".geobrief-eval" / "llm"


@pytest.fixture(scope="module")
def model_file() -> Path:
    return weights(CACHE)


def test_a_model_that_is_not_there_is_told_when_it_is_asked(tmp_path: Path) -> None:
    chat = open_chat_model(LlmSettings(model=f"gguf:{tmp_path / 'none.gguf'}"))
    with pytest.raises(UsageError, match="there is no model file"):
        chat.invoke("Hello")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("llama3", "names no provider"),
        ("nobody:llama3", "cannot be used"),
        ("anthropic:some-model", "pip install langchain-anthropic"),
    ],
)
def test_a_name_that_cannot_be_opened_says_what_to_do(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        open_chat_model(LlmSettings(model=name))


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [
        ("ollama", {"num_predict": 90, "client_kwargs": {"timeout": 3.0}}),
        ("openai", {"max_tokens": 90, "timeout": 3.0, "max_retries": 1}),
    ],
)
def test_limits_are_told_by_the_names_that_a_provider_knows(
    monkeypatch: pytest.MonkeyPatch, provider: str, wanted: dict[str, Any]
) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr("langchain.chat_models.init_chat_model", lambda model, **options: told.update(options))
    open_chat_model(LlmSettings(model=f"{provider}:m", max_tokens=90, timeout_s=3, max_retries=1))
    assert told == {"model_provider": provider, "temperature": 0.0, **wanted}


def test_a_file_is_named_without_where_it_lies() -> None:
    assert (llm_name("gguf:/secret/place/m.gguf"), llm_name("ollama:llama3.2")) == ("m.gguf", "ollama:llama3.2")


@pytest.mark.slow
def test_it_streams_what_it_would_give_at_once(model_file: Path) -> None:
    chat = GgufChat(path=model_file, max_tokens=24)
    chunks = list(chat.stream("Name three rivers."))
    whole = chat.invoke("Name three rivers.")
    assert "".join(str(chunk.content) for chunk in chunks) == whole.content
    assert len([chunk for chunk in chunks if chunk.content]) > 5
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 24


@pytest.mark.slow
def test_a_reply_that_is_no_longer_read_ends(model_file: Path) -> None:
    chat = GgufChat(path=model_file, max_tokens=300)
    for _ in range(3):
        stream = chat.stream("Tell a long story.")
        next(stream)
        stream.close()  # type: ignore[attr-defined]
    assert chat.invoke("Say yes.").content


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("n", range(len(INJECTIONS)))
def test_nothing_that_it_invents_is_shown_and_no_order_obeyed(desk: Desk, model_file: Path, n: int) -> None:
    row = INJECTIONS[n]
    body = brief_with(desk, row["text"], IN_PLACES[n % len(IN_PLACES)])
    settings = desk.settings.model_copy(update={"llm": LlmSettings(model=f"gguf:{model_file}", max_tokens=80)})
    settings = Settings(**{**settings.model_dump(), "verifier": {"model": "packaged"}})
    answer = open_assistant(settings, embeddings=desk.embeddings).ask(QUESTION)
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert "fisheries" in answer.text
    for sentence in answer.sentences:
        cited = " ".join(citation.quote for citation in sentence.citations)
        assert set(re.findall(r"\d+|\b[A-Z][a-z]+", sentence.text)) <= set(re.findall(r"\w+", cited))
    assert TALKS in body
    assert row["obeyed"] not in answer.text
    assert LEAK not in answer.text
    assert json.loads(json.dumps(answer.usage.dropped)) == answer.usage.dropped
