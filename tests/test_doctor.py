from __future__ import annotations

import shutil

import pytest
from langchain_core.documents import Document
from sqlalchemy import text

from rag.build import open_index
from rag.catalogue import CatalogueWriter
from rag.doctor import examine, is_being_written, repair
from rag.errors import IndexCorrupt
from rag.ingest import sync
from rag.settings import SplitSettings
from rag.types import Brief
from tests.conftest import Desk
from tests.fakes import HashEmbeddings


@pytest.fixture
def stocked(desk: Desk) -> Desk:
    desk.write("finland.md", "Finland joined NATO on 4 April 2023. " * 3, title="Finland")
    desk.write("niger.md", "Soldiers detained the president of Niger.", title="Niger")
    desk.ingest()
    return desk


def test_a_sound_index_has_no_fault(stocked: Desk) -> None:
    assert examine(stocked.open()) == ()


def test_what_an_ingest_that_runs_has_not_finished_is_no_fault(stocked: Desk) -> None:
    index = stocked.open()
    brief = Brief(id="new", title="New", text="Not embedded yet.")
    CatalogueWriter(index.catalogue.database).stage(brief, index.split(brief), ["New\nNot embedded yet."])
    with stocked.open().lock(5):
        assert is_being_written(index)
        assert examine(index) == ()
    assert not is_being_written(index)
    assert len(examine(index)) == 2


def test_an_examination_leaves_the_note_of_a_writer_that_was_cut_short(stocked: Desk) -> None:
    index = stocked.open()
    index.vectors.at(index.catalogue.generation()).delete(ids=list(index.vectors.ids(index.catalogue.generation())))
    with pytest.raises(KeyboardInterrupt), stocked.open().lock(5):
        raise KeyboardInterrupt
    assert examine(index) != ()
    assert not is_being_written(index)
    with index.lock(5) as cut_short:
        assert cut_short


def test_missing_vectors_are_found_and_made_again(stocked: Desk) -> None:
    index = stocked.open()
    lost = next(iter(index.vectors.ids(index.catalogue.generation())))
    index.vectors.at(index.catalogue.generation()).delete(ids=[lost])
    assert examine(index) == (f"1 chunks have no vector, such as {lost}",)
    assert repair(index, lock_timeout_s=1) == 1
    assert examine(stocked.open()) == ()


def test_orphan_vectors_are_found_and_deleted(stocked: Desk) -> None:
    index = stocked.open()
    stray = Document(id="stray@00000000#0", page_content="x", metadata={"brief_id": "stray"})
    index.vectors.at(index.catalogue.generation()).add_documents([stray], ids=[stray.id])
    assert examine(index) == ("1 vectors belong to no chunk, such as stray@00000000#0",)
    assert repair(index, lock_timeout_s=1) == 0
    assert examine(stocked.open()) == ()


def test_the_vector_of_another_text_is_found_and_replaced(stocked: Desk) -> None:
    index = stocked.open()
    held = next(iter(index.vectors.ids(index.catalogue.generation())))
    wrong = Document(id=held, page_content="another text", metadata={"brief_id": "x"})
    index.vectors.at(index.catalogue.generation()).add_documents([wrong], ids=[held])
    assert examine(index) == (f"1 chunks have the vector of another text, such as {held}",)
    assert repair(index, lock_timeout_s=1) == 1
    assert examine(stocked.open()) == ()


def test_a_lost_vector_folder_is_rebuilt_from_the_catalogue(stocked: Desk) -> None:
    shutil.rmtree(stocked.settings.index / "chroma")
    assert examine(stocked.open()) != ()
    assert repair(stocked.open(), lock_timeout_s=1) == 2
    assert examine(stocked.open()) == ()
    assert stocked.found("Niger president")[0] == "niger"


def test_an_index_of_another_model_is_rebuilt_for_the_present_one(stocked: Desk) -> None:
    class Other(HashEmbeddings):
        identity = "other-model"

    index = open_index(stocked.settings, embeddings=Other())
    assert "other-model" in examine(index)[0]
    assert repair(index, lock_timeout_s=1) == 2
    assert examine(open_index(stocked.settings, embeddings=Other())) == ()


def test_an_index_of_another_splitter_is_cut_anew(stocked: Desk) -> None:
    settings = stocked.settings.model_copy(update={"split": SplitSettings(max_tokens=16)})
    index = open_index(settings, embeddings=stocked.embeddings)
    assert repair(index, lock_timeout_s=1) == 3
    assert examine(open_index(settings, embeddings=stocked.embeddings)) == ()
    assert sync(index, [stocked.corpus]).unchanged == ["finland", "niger"]


def test_a_chunk_that_differs_from_its_span_is_found_and_mended(stocked: Desk) -> None:
    index = stocked.open()
    with index.catalogue.database.transaction() as connection:
        connection.execute(text('UPDATE chunks SET "end" = "end" - 1 WHERE chunk_id LIKE \'niger@%\''))
    assert "differs from its span" in examine(index)[0]
    repair(index, lock_timeout_s=1)
    assert examine(stocked.open()) == ()


def test_a_text_that_differs_from_its_digest_is_a_fault_that_repair_does_not_hide(stocked: Desk) -> None:
    index = stocked.open()
    with index.catalogue.database.transaction() as connection:
        connection.execute(text("UPDATE texts SET text = 'forged' WHERE brief_id = 'niger'"))
    assert any("'niger' does not match its digest" in fault for fault in examine(index))
    with pytest.raises(IndexCorrupt, match="'niger'"):
        repair(index, lock_timeout_s=1)
