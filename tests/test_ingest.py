from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from rag.build import open_index
from rag.doctor import examine
from rag.errors import IndexMismatch
from rag.ingest import plan, sync
from rag.types import Brief, Scope
from tests.conftest import Desk
from tests.fakes import HashEmbeddings

FINLAND = "Finland joined NATO on 4 April 2023. It became the 31st member."
NIGER = "Soldiers detained President Bazoum in Niamey on 26 July 2023."


def test_ingest_adds_a_brief_that_can_then_be_found(desk: Desk) -> None:
    desk.write("finland.md", FINLAND, date="2023-04-04")
    report = desk.ingest()
    assert (report.added, report.failed, report.chunks_total) == (["finland"], [], 1)
    assert desk.found("Finland NATO") == ["finland"]


def test_ingest_skips_a_source_with_the_same_digest_without_embedding(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.embeddings.embedded.clear()
    report = desk.ingest()
    assert (report.added, report.unchanged, report.chunks_embedded) == ([], ["finland"], 0)
    assert desk.embeddings.embedded == []


def test_ingest_twice_leaves_no_duplicate(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    os.utime(desk.corpus / "finland.md", (1, 1))
    desk.ingest()
    index = desk.open()
    assert len(list(index.vectors.ids(index.catalogue.generation()))) == 1
    assert [row.brief_id for row in index.catalogue.briefs()] == ["finland"]


def test_a_changed_brief_is_updated_and_its_old_text_is_no_longer_found(desk: Desk) -> None:
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks")
    desk.ingest()
    desk.write("talks.md", "The talks will be held in Geneva.", title="Talks")
    report = desk.ingest()
    assert (report.added, report.updated) == ([], ["talks"])
    passages = [p.page_content for p in _search(desk, "talks held")]
    assert passages == ["The talks will be held in Geneva."]


def test_superseded_text_stays_for_as_of_questions(desk: Desk) -> None:
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks", date="2024-01-05")
    desk.ingest()
    desk.write("talks.md", "The talks will be held in Geneva.", title="Talks", date="2024-02-05")
    desk.ingest()
    as_of = Scope(as_of=date(2024, 1, 31))
    assert [p.page_content for p in _search(desk, "talks held", as_of)] == ["The talks will be held in Oslo."]


def test_a_corrected_or_deleted_date_counts_for_as_of_questions_too(desk: Desk) -> None:
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks", date="2024-05-16")
    desk.ingest()
    desk.write("talks.md", "The talks will be held in Geneva.", title="Talks", date="2023-05-16")
    desk.ingest()
    later = Scope(as_of=date(2025, 1, 1))
    assert [p.page_content for p in _search(desk, "talks held", later)] == ["The talks will be held in Geneva."]
    desk.write("talks.md", "The talks will be held in Bern.", title="Talks")
    desk.ingest()
    assert _search(desk, "talks held", later) == []


def test_sources_are_compared_without_case_in_any_script(desk: Desk) -> None:
    desk.write("talks.md", "The talks will be held in Oslo.", title="Talks", source="Élysée")
    desk.ingest()
    for said in ("Élysée", "élysée", "ÉLYSÉE"):
        assert len(_search(desk, "talks held", Scope(sources=(said,)))) == 1


def test_a_text_that_returns_to_what_it_was_is_not_embedded_again(desk: Desk) -> None:
    for text in ("The talks are in Oslo.", "The talks are in Geneva.", "The talks are in Oslo."):
        desk.write("talks.md", text, title="Talks")
        report = desk.ingest()
    assert report.chunks_embedded == 0
    assert [p.page_content for p in _search(desk, "talks")] == ["The talks are in Oslo."]


def test_a_changed_date_alone_makes_a_new_version_without_embedding(desk: Desk) -> None:
    desk.write("talks.md", "The talks are in Oslo.", title="Talks", date="2024-01-05")
    desk.ingest()
    desk.write("talks.md", "The talks are in Oslo.", title="Talks", date="2024-01-06")
    report = desk.ingest()
    assert (report.updated, report.chunks_embedded) == (["talks"], 0)
    assert [v.metadata["date"] for v in desk.open().catalogue.versions("talks")] == ["2024-01-06", "2024-01-05"]


def test_a_new_title_is_embedded_and_found_by_its_words(desk: Desk) -> None:
    desk.write("talks.md", "They met in Oslo.", title="Fisheries")
    desk.ingest()
    desk.write("talks.md", "They met in Oslo.", title="Shipping")
    assert desk.ingest().chunks_embedded == 1
    assert examine(desk.open()) == ()
    words = desk.open().catalogue.search
    assert (words(["shipping"], k=5) != (), words(["fisheries"], k=5)) == (True, ())


def test_a_title_that_was_staged_and_taken_back_leaves_no_trace(desk: Desk) -> None:
    desk.write("talks.md", "They met in Oslo.", title="Fisheries")
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        brief = Brief(id="talks", title="Shipping", text="They met in Oslo.")
        parts = desk.open().split(brief)
        writer.catalogue.stage(brief, parts, ["Shipping\nThey met in Oslo."])
    desk.write("talks.md", "They met in Oslo.\n", title="Fisheries", region="europe")
    desk.ingest()
    words = desk.open().catalogue.search
    assert (words(["shipping"], k=5), words(["fisheries"], k=5) != ()) == ((), True)
    assert examine(desk.open()) == ()


def test_prune_withdraws_only_what_is_gone_under_the_given_paths(desk: Desk) -> None:
    gone = desk.write("a/finland.md", FINLAND)
    elsewhere = desk.write("b/niger.md", NIGER)
    desk.ingest()
    gone.unlink()
    elsewhere.unlink()
    report = desk.ingest(desk.corpus / "a", prune=True)
    assert report.removed == ["a-finland"]
    assert [row.brief_id for row in desk.open().catalogue.briefs()] == ["b-niger"]


def test_without_prune_a_brief_whose_file_is_gone_stays(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    (desk.corpus / "finland.md").unlink()
    assert desk.ingest().removed == []
    assert desk.found("Finland") == ["finland"]


def test_prune_of_a_folder_that_does_not_exist_withdraws_nothing(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.corpus.rename(desk.corpus.with_name("moved"))
    report = desk.ingest(desk.corpus, prune=True)
    assert report.removed == []
    assert len(report.failed) == 1


def test_two_files_with_one_id_keep_the_first_in_path_order_and_fail_the_other(desk: Desk) -> None:
    desk.write("a.md", FINLAND, id="same")
    desk.write("b.md", NIGER, id="same")
    report = desk.ingest()
    assert report.added == ["same"]
    assert [Path(f.path).name for f in report.failed] == ["b.md"]
    assert "'same' is already used by" in report.failed[0].reason
    assert desk.found("Finland") == ["same"]


def test_of_two_files_with_one_id_the_indexed_one_keeps_it(desk: Desk) -> None:
    desk.write("b.md", NIGER, id="same")
    desk.ingest()
    desk.write("a.md", FINLAND, id="same")
    report = desk.ingest()
    assert [Path(f.path).name for f in report.failed] == ["a.md"]
    assert [p.page_content for p in _search(desk, "Niamey")] == [NIGER]


@pytest.mark.parametrize(("old", "new"), [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")])
@pytest.mark.parametrize("newcomer", [True, False], ids=["new file", "known file"])
def test_a_record_that_moves_to_another_file_is_there_after_the_same_ingest(
    desk: Desk, old: str, new: str, newcomer: bool
) -> None:
    moving, staying, other = (
        f'{{"id": "{n}", "text": "The {n} sailed to Oslo."}}\n' for n in ("fleet", "tug", "yacht")
    )
    write_lines(desk, old, moving + staying)
    if not newcomer:
        write_lines(desk, new, other)
    desk.ingest()
    write_lines(desk, old, staying)
    write_lines(desk, new, other + moving)
    planned = plan(desk.open(), [desk.corpus])
    report = desk.ingest()
    assert (report.failed, report.removed, "fleet" in report.added) == ([], ["fleet"], True)
    assert (planned.added, planned.removed, planned.failed) == (report.added, report.removed, [])
    assert sorted(desk.found("sailed Oslo")) == ["fleet", "tug", "yacht"]
    assert examine(desk.open()) == ()
    again = desk.ingest()
    assert (again.added, again.updated, again.removed, again.failed) == ([], [], [], [])


def write_lines(desk: Desk, name: str, lines: str) -> None:
    desk.corpus.mkdir(exist_ok=True)
    (desk.corpus / name).write_text(lines)


def test_a_moved_file_keeps_its_brief_without_embedding(desk: Desk) -> None:
    path = desk.write("a.md", FINLAND, id="finland")
    desk.ingest()
    path.rename(desk.corpus / "z.md")
    report = desk.ingest(prune=True)
    assert (report.unchanged, report.removed, report.failed, report.chunks_embedded) == (["finland"], [], [], 0)
    assert desk.found("Finland") == ["finland"]


def test_one_bad_file_does_not_stop_the_others(desk: Desk) -> None:
    desk.write("bad.md", "text", date="not a date")
    desk.write("good.md", FINLAND)
    report = desk.ingest()
    assert report.added == ["good"]
    assert [Path(f.path).name for f in report.failed] == ["bad.md"]


def test_a_brief_whose_file_turns_bad_stays_as_it_was(desk: Desk) -> None:
    desk.write("finland.md", FINLAND, date="2023-04-04")
    desk.ingest()
    desk.write("finland.md", FINLAND, date="broken")
    assert len(desk.ingest().failed) == 1
    assert desk.found("Finland") == ["finland"]


def test_in_a_file_of_many_briefs_only_the_changed_one_is_embedded(desk: Desk) -> None:
    path = desk.corpus / "many.jsonl"
    path.write_text('{"id": "a", "title": "A", "text": "One."}\n{"id": "b", "title": "B", "text": "Two."}\n')
    assert desk.ingest().added == ["a", "b"]
    path.write_text('{"id": "a", "title": "A", "text": "One."}\n{"id": "b", "title": "B", "text": "Three."}\n')
    report = desk.ingest()
    assert (report.unchanged, report.updated, report.chunks_embedded) == (["a"], ["b"], 1)
    assert len(desk.open().catalogue.versions("a")) == 1


def test_a_brief_taken_out_of_its_file_is_withdrawn(desk: Desk) -> None:
    path = desk.corpus / "many.jsonl"
    path.write_text('{"id": "a", "title": "A", "text": "One."}\n{"id": "b", "title": "B", "text": "Two."}\n')
    desk.ingest()
    path.write_text('{"id": "a", "title": "A", "text": "One."}\n')
    assert desk.ingest().removed == ["b"]


def test_a_bad_line_keeps_the_other_briefs_and_is_reported_again(desk: Desk) -> None:
    path = desk.corpus / "many.jsonl"
    path.write_text('{"id": "a", "title": "A", "text": "One."}\n{"id": "b", \n')
    first, second = desk.ingest(), desk.ingest()
    assert first.added == ["a"]
    assert len(first.failed) == len(second.failed) == 1
    assert (second.unchanged, second.chunks_embedded) == (["a"], 0)


def test_a_removed_brief_does_not_come_back_until_it_is_restored_or_rewritten(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.catalogue.remove("finland")
    desk.write("copy.md", FINLAND)
    report = desk.ingest()
    assert (report.withheld, report.added) == (["copy"], [])
    assert desk.found("Finland") == []
    (desk.corpus / "copy.md").unlink()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.catalogue.restore("finland") == 1
    assert desk.ingest().added == ["finland"]


def test_a_forgotten_brief_comes_back_once_it_is_restored(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.forget("finland")
    assert desk.ingest().added == []
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.catalogue.restore("finland") == 1
    assert desk.ingest().added == ["finland"]


def test_a_removed_brief_is_restored_though_its_twin_was_removed_after_it(desk: Desk) -> None:
    desk.write("a.md", FINLAND)
    desk.write("b.md", FINLAND)
    desk.write("c.md", FINLAND)
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.catalogue.remove("a")
        assert writer.catalogue.remove("b")
        assert writer.catalogue.restore("c") == 0
        assert writer.catalogue.restore("a") == 1
    assert "a" in desk.ingest().added


def test_a_brief_with_the_text_of_a_removed_one_may_change_its_title(desk: Desk) -> None:
    desk.write("a.md", "The talks are in Oslo.", title="One")
    desk.write("b.md", "The talks are in Oslo.", title="Two")
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.catalogue.remove("a")
    desk.write("b.md", "The talks are in Oslo.", title="Two, corrected")
    report = desk.ingest()
    assert (report.updated, report.withheld) == (["b"], [])


def test_forget_deletes_every_trace_of_the_text_from_the_disk(desk: Desk) -> None:
    desk.write("secret.md", "The codeword is Wolpertinger.", title="Wolpertinger")
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.write("secret.md", "The codeword was Wolpertinger, now it is Elwetritsch.", title="Wolpertinger")
    desk.ingest()
    with desk.open().writing(timeout_s=1) as writer:
        assert writer.forget("secret")
    assert desk.ingest().added == []
    desk.write("again.md", "The codeword was Wolpertinger, now it is Elwetritsch.")
    assert desk.ingest().withheld == ["again"]
    assert desk.found("Finland codeword") == ["finland"]
    assert examine(desk.open()) == ()
    for path in desk.settings.index.rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        assert b"wolpertinger" not in content, path
        assert b"elwetritsch" not in content, path


def test_plan_says_what_would_happen_and_writes_nothing(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.write("niger.md", NIGER)
    desk.write("finland.md", FINLAND + " Sweden followed.")
    report = plan(desk.open(), [desk.corpus])
    assert (report.added, report.updated) == (["niger"], ["finland"])
    assert desk.found("Niamey") == ["finland"]


def test_plan_without_an_index_lists_all_as_added(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    assert plan(None, [desk.corpus]).added == ["finland"]
    assert not desk.settings.index.exists()


def test_an_index_of_another_model_is_refused_with_both_names(desk: Desk) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()

    class Other(HashEmbeddings):
        identity = "other-model"

    index = open_index(desk.settings, create=True, embeddings=Other())
    with pytest.raises(IndexMismatch, match=r"hash-256.*other-model.*doctor --repair"):
        sync(index, [desk.corpus])


def test_default_ids_stay_the_same_when_a_file_is_ingested_alone(desk: Desk) -> None:
    path = desk.write("sub/finland.md", FINLAND)
    desk.ingest()
    desk.write("sub/finland.md", FINLAND + " Sweden followed.")
    assert desk.ingest(path).updated == ["sub-finland"]


def test_a_batch_that_fails_to_embed_leaves_the_index_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("finland.md", FINLAND)
    desk.ingest()
    desk.write("finland.md", "Sweden joined later.")

    def broken(self: HashEmbeddings, texts: list[str]) -> list[list[float]]:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(HashEmbeddings, "embed_documents", broken)
        with pytest.raises(MemoryError):
            desk.ingest()
    assert [p.page_content for p in _search(desk, "Finland")] == [FINLAND]
    assert desk.ingest().updated == ["finland"]


def _search(desk: Desk, question: str, scope: Scope = Scope()):  # type: ignore[no-untyped-def]
    from rag.build import open_retriever

    return open_retriever(desk.open(), desk.settings, desk.embeddings).search(question, scope=scope)
