from __future__ import annotations

import json
from pathlib import Path

import pytest

import rag
from rag.record import answer_schema

ROOT = Path(__file__).parent.parent


def test_the_public_names_are_these_and_no_others() -> None:
    assert rag.__all__ == [
        "Answer",
        "Assistant",
        "Brief",
        "Citation",
        "DateInterval",
        "RagError",
        "Scope",
        "Sentence",
        "Settings",
        "SyncReport",
        "load_settings",
        "open_assistant",
        "open_index",
        "sync",
    ]


@pytest.mark.parametrize("name", rag.__all__)
def test_every_public_name_exists_and_says_what_it_is(name: str) -> None:
    assert getattr(rag, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = rag.no_such_name


def test_the_committed_schema_is_that_of_the_answer() -> None:
    assert json.loads((ROOT / "rag/schema/answer.schema.json").read_text()) == answer_schema()


def test_the_schema_holds_every_promised_field() -> None:
    schema = answer_schema()
    fields = "schema_version question standalone_question scope abstained reason answerable text sentences evidence"
    assert set(schema["properties"]) >= set(f"{fields} nearest notes usage identities timings_ms".split())
    citation = "n brief_id chunk_id title date source url page start end quote sha256 text_sha256"
    assert set(schema["$defs"]["CitationRecord"]["properties"]) >= set(citation.split())
    evidence = "n brief_id chunk_id title date source score signals start end text"
    assert set(schema["$defs"]["EvidenceRecord"]["properties"]) >= set(evidence.split())
    assert set(schema["$defs"]["ScopeRecord"]["properties"]) >= {"from", "to", "as_of", "regions", "sources", "topics"}
    timings = {"rewrite", "retrieve", "read", "answer", "verify", "total"}
    assert set(schema["$defs"]["TimingsRecord"]["properties"]) >= timings
