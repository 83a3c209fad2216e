"""Conversations and feedback are kept, each user's apart, and what is deleted is gone."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from rag.errors import IndexCorrupt, IndexMismatch, IndexUnusable, UsageError
from rag.record import AnswerRecord
from rag.userdata import UserData
from rag.userdata.rows import UNREADABLE

ADDING = """
import sys
from pathlib import Path
from rag.userdata import UserData

userdata = UserData(Path(sys.argv[1]))
sys.stdin.readline()
for n in range(int(sys.argv[2])):
    print(userdata.add_turn("ann", sys.argv[3] or None, f"question {n}", answer=None, failure="none")[1], flush=True)
"""


def record(text: str = "Grain was shipped. [1]", **changes: Any) -> AnswerRecord:
    fields: dict[str, Any] = {
        "question": "What was shipped?",
        "standalone_question": "What was shipped?",
        "scope": {},
        "abstained": False,
        "reason": None,
        "answerable": 0.9,
        "text": text,
        "sentences": [],
        "evidence": [],
        "nearest": [],
        "notes": [],
        "identities": {"embedding": "e", "reader": "r", "dtype": "float32", "settings_digest": "d"},
        "timings_ms": dict.fromkeys(("rewrite", "retrieve", "read", "answer", "verify", "total"), 1.0),
    }
    return AnswerRecord.model_validate({**fields, **changes})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "conversations.sqlite3"


@pytest.fixture
def userdata(path: Path) -> Iterator[UserData]:
    opened = UserData(path)
    yield opened
    opened.close()


def questions(userdata: UserData, user: str, conversation: str) -> list[str]:
    return [turn.question for turn in userdata.turns(user, conversation)]


def test_a_conversation_is_the_same_after_the_file_was_closed(path: Path, userdata: UserData) -> None:
    conversation, first = userdata.add_turn("ann", None, "What was shipped?", answer=record())
    again, second = userdata.add_turn("ann", conversation, "And when?", answer=None, failure="too long")
    userdata.close()
    reopened = UserData(path)
    shown = reopened.turns("ann", conversation)
    reopened.close()
    assert again == conversation
    assert [(turn.id, turn.answer, turn.failure) for turn in shown] == [
        (first, record(), None),
        (second, None, "too long"),
    ]
    assert shown[0].asked_at < shown[1].asked_at


def test_the_file_is_for_its_owner_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        userdata = UserData(path)
        userdata.add_turn("ann", None, "secret", answer=None)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        userdata.close()
    finally:
        os.umask(before)
    assert modes == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm"), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What\n was  shipped?", "What was shipped?"),
        ("word " * 20, "word " * 15 + "word …"),
        ("a\x1b[31mb\u202ec", "a�[31mb�c"),
    ],
)
def test_a_conversation_is_called_by_its_first_question(userdata: UserData, question: str, title: str) -> None:
    conversation, _ = userdata.add_turn("ann", None, question, answer=None)
    userdata.add_turn("ann", conversation, "another", answer=None)
    [listed] = userdata.conversations("ann")
    assert (listed.title, listed.n_turns) == (title, 2)
    assert userdata.conversation("ann", conversation) == listed


def test_conversations_come_with_the_newest_change_first(userdata: UserData) -> None:
    made = [userdata.add_turn("ann", None, f"question {n}", answer=None)[0] for n in range(3)]
    userdata.add_turn("ann", made[0], "more", answer=None)
    userdata.rename("ann", made[1], "a name is no change")
    assert [one.id for one in userdata.conversations("ann")] == [made[0], made[2], made[1]]
    assert [one.id for one in userdata.conversations("ann", limit=1)] == [made[0]]
    assert userdata.conversations("ann", limit=-1) == ()


def test_a_user_sees_and_changes_nothing_of_anothers(userdata: UserData) -> None:
    conversation, turn = userdata.add_turn("ann", None, "mine", answer=record())
    userdata.give_feedback("ann", turn, "up", "good")
    before = userdata.turns("ann", conversation), userdata.conversations("ann")
    for other in ("bob", "", "ANN", "ann ", "%"):
        assert userdata.conversations(other) == ()
        assert userdata.conversations(other, containing="mine") == ()
        assert userdata.turns(other, conversation) == ()
        assert userdata.conversation(other, conversation) is None
        userdata.rename(other, conversation, "stolen")
        userdata.give_feedback(other, turn, "down", "bad")
        userdata.give_feedback(other, turn, None)
        started, _ = userdata.add_turn(other, conversation, "theirs", answer=None, replaces=turn)
        assert started != conversation
        userdata.add_turn(other, started, "theirs too", answer=None, replaces=turn)
        assert questions(userdata, other, started) == ["theirs", "theirs too"]
        userdata.delete(other, conversation)
        userdata.delete(other, started)
    assert (userdata.turns("ann", conversation), userdata.conversations("ann")) == before


@pytest.mark.parametrize(
    "sought", ["STRASSE", "straße", "100%", "e\u0301lan", "éLAN", "tonnes of grain", "of  \n grain", "über"]
)
def test_search_finds_words_in_title_question_and_answer(userdata: UserData, sought: str) -> None:
    conversation, _ = userdata.add_turn(
        "ann", None, "Which Straße got 100% élan?", answer=record("33 million tonnes\nof grain.")
    )
    userdata.rename("ann", conversation, "Über alles")
    userdata.add_turn("ann", None, "Something else", answer=record("nothing"))
    assert [one.id for one in userdata.conversations("ann", containing=sought)] == [conversation]


@pytest.mark.parametrize("sought", ["%", "_", "10_%", "*", "'", "\x00", "\ud800", "x" * 60_000, "else Grain"])
def test_search_takes_no_character_for_a_pattern(userdata: UserData, sought: str) -> None:
    userdata.add_turn("ann", None, "Grain in 1000 places", answer=record("Something else"))
    assert userdata.conversations("ann", containing=sought) == ()


def test_a_blank_search_lists_all(userdata: UserData) -> None:
    userdata.add_turn("ann", None, "one", answer=None)
    assert len(userdata.conversations("ann", containing=" \n ")) == 1


def test_a_turn_that_replaces_another_takes_all_later_ones_with_it(userdata: UserData) -> None:
    conversation, _ = userdata.add_turn("ann", None, "one", answer=record())
    _, second = userdata.add_turn("ann", conversation, "two", answer=record())
    _, third = userdata.add_turn("ann", conversation, "three", answer=record())
    other, kept = userdata.add_turn("ann", None, "elsewhere", answer=record())
    for turn in (second, third, kept):
        userdata.give_feedback("ann", turn, "up")
    userdata.add_turn("ann", conversation, "two again", answer=record(), replaces=second)
    assert questions(userdata, "ann", conversation) == ["one", "two again"]
    assert [one.question for one in userdata.feedback()] == ["elsewhere"]
    userdata.add_turn("ann", conversation, "more", answer=None, replaces=kept)
    assert questions(userdata, "ann", conversation) == ["one", "two again", "more"]
    assert questions(userdata, "ann", other) == ["elsewhere"]


def test_feedback_is_given_changed_and_taken_back(userdata: UserData) -> None:
    conversation, turn = userdata.add_turn("ann", None, "one", answer=record())

    def given() -> tuple[str | None, str | None]:
        [shown] = userdata.turns("ann", conversation)
        return shown.verdict, shown.reason

    assert given() == (None, None)
    userdata.give_feedback("ann", turn, "down")
    userdata.give_feedback("ann", turn, "down", "too old")
    assert given() == ("down", "too old")
    userdata.give_feedback("ann", turn, "down")
    assert given() == ("down", "too old")
    userdata.give_feedback("ann", turn, "up")
    assert given() == ("up", None)
    userdata.give_feedback("ann", turn, None)
    assert given() == (None, None)
    assert userdata.feedback() == ()


def test_feedback_lists_every_users_with_the_answer_it_is_on(userdata: UserData) -> None:
    for user, verdict in (("ann", "down"), ("", "up")):
        _, turn = userdata.add_turn(user, None, f"of {user}", answer=record(f"to {user}"))
        userdata.give_feedback(user, turn, cast(Any, verdict), "why")
    shown = userdata.feedback()
    assert [(one.user, one.question, one.verdict, one.reason, one.answer.text) for one in shown] == [
        ("ann", "of ann", "down", "why", "to ann"),
        ("", "of ", "up", "why", "to "),
    ]
    assert all(one.asked_at < one.given_at for one in shown)


def test_a_turn_without_an_answer_takes_no_feedback(userdata: UserData) -> None:
    conversation, turn = userdata.add_turn("ann", None, "one", answer=None, failure="no")
    userdata.give_feedback("ann", turn, "up")
    assert userdata.turns("ann", conversation)[0].verdict is None


@pytest.mark.parametrize("way", ["delete", "replace", "feedback"])
def test_what_is_deleted_stands_nowhere_on_the_disk(path: Path, userdata: UserData, way: str) -> None:
    secret = "the Xanadu protocol"
    userdata.add_turn("ann", None, "before", answer=record("x" * 9000))
    conversation, turn = userdata.add_turn("ann", None, secret, answer=record(f"{secret} " * 2000))
    userdata.give_feedback("ann", turn, "down", f"{secret} " * 50)
    assert any(secret.encode() in file.read_bytes() for file in path.parent.iterdir())
    if way == "delete":
        userdata.delete("ann", conversation)
    elif way == "replace":
        userdata.rename("ann", conversation, "a name")
        userdata.add_turn("ann", conversation, "instead", answer=None, replaces=turn)
    else:
        _, other = userdata.add_turn("ann", conversation, "instead", answer=record(), replaces=turn)
        userdata.rename("ann", conversation, "a name")
        userdata.give_feedback("ann", other, "down", f"{secret} " * 50)
        userdata.give_feedback("ann", other, None)
    found = [file.name for file in path.parent.iterdir() if b"xanadu" in file.read_bytes().lower()]
    assert found == []


@pytest.mark.parametrize(
    "odd", ["\x00", "\ud800", "\udfff\ud800", "a\x00b\ud83d", "'; DROP TABLE turns; --", "\U0010ffff"]
)
def test_odd_characters_do_not_break_the_store(userdata: UserData, odd: str) -> None:
    answer = record(f"said {odd}", question=odd, standalone_question=odd, notes=[odd])
    conversation, turn = userdata.add_turn("ann", None, f"q {odd} q", answer=answer, failure=odd)
    userdata.rename("ann", conversation, f"t {odd}")
    userdata.give_feedback("ann", turn, "down", odd)
    [shown] = userdata.turns("ann", conversation)
    assert shown.question.startswith("q ")
    assert shown.question.endswith(" q")
    assert shown.answer is not None
    assert shown.answer.text.startswith("said ")
    shown.answer.to_json().encode()
    assert len(userdata.feedback()) == 1
    assert len(userdata.conversations("ann", containing=odd)) == 1


@pytest.mark.parametrize(
    "sent", [None, "", 7, 1.5, [], {"id": 1}, True, b"x", "\x00", "\ud800", "x" * 22, "' OR 1=1 --"]
)
def test_what_is_no_id_is_unknown(userdata: UserData, sent: Any) -> None:
    userdata.add_turn("ann", None, "one", answer=record())
    assert userdata.turns("ann", sent) == ()
    assert userdata.conversation("ann", sent) is None
    userdata.rename("ann", sent, "name")
    userdata.delete("ann", sent)
    userdata.give_feedback("ann", sent, "up")
    userdata.add_turn("ann", sent, "two", answer=None, replaces=sent)
    assert [one.title for one in userdata.conversations("ann")] == ["two", "one"]
    assert userdata.feedback() == ()


def test_ids_are_long_and_no_two_alike(userdata: UserData) -> None:
    made = [one for n in range(50) for one in userdata.add_turn("ann", None, "q", answer=None)]
    assert len(set(made)) == 100
    assert {len(one) for one in made} == {22}


def test_a_blank_name_is_no_name_and_a_long_one_is_cut(userdata: UserData) -> None:
    conversation, _ = userdata.add_turn("ann", None, "one", answer=None)
    userdata.rename("ann", conversation, " \n")
    assert userdata.conversations("ann")[0].title == "one"
    userdata.rename("ann", conversation, "name " * 1000)
    assert len(userdata.conversations("ann")[0].title) <= 202


def test_a_user_whose_name_is_no_text_is_refused(userdata: UserData) -> None:
    with pytest.raises(UsageError, match="half a character"):
        userdata.conversations("a\ud800")


def _rewrite(path: Path, turn: str, answer: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE turns SET answer = ? WHERE id = ?", (answer, turn))
    connection.close()


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "null",
        "[" * 100_000,
        "{}",
        record().to_json().replace('"schema_version":1', '"schema_version":2'),
        record().model_copy(update={"scope": record().scope.model_copy(update={"as_of": "soon"})}).to_json(),
        record().model_copy(update={"scope": record().scope.model_copy(update={"regions": ["\0"]})}).to_json(),
        record(
            sentences=[{"text": "a", "support": 1, "citations": [
                {"n": 3, "brief_id": "b", "chunk_id": "c", "title": "t", "date": None, "source": None, "url": None,
                 "page": None, "start": 0, "end": 1, "quote": "a", "sha256": "", "text_sha256": ""}]}]
        ).to_json(),
    ],
    ids=["empty", "cut off", "null", "deep", "no fields", "later version", "no date", "no region", "cites nothing"],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_costs_no_other(path: Path, userdata: UserData, answer: str) -> None:
    conversation, first = userdata.add_turn("ann", None, "one", answer=record())
    _, second = userdata.add_turn("ann", conversation, "two", answer=record())
    for turn in (first, second):
        userdata.give_feedback("ann", turn, "up")
    _rewrite(path, first, answer)
    unreadable, sound = userdata.turns("ann", conversation)
    assert (unreadable.question, unreadable.answer, unreadable.failure) == ("one", None, UNREADABLE)
    assert (sound.answer, sound.failure) == (record(), None)
    assert [one.question for one in userdata.feedback()] == ["two"]


def test_fields_of_a_later_version_are_passed_over(path: Path, userdata: UserData) -> None:
    conversation, turn = userdata.add_turn("ann", None, "one", answer=record())
    later = {**json.loads(record().to_json()), "mood": "good"}
    later["scope"]["planet"] = "Mars"
    _rewrite(path, turn, json.dumps(later))
    assert userdata.turns("ann", conversation)[0].answer == record()


def test_a_file_of_a_newer_version_is_refused_and_left_alone(path: Path, userdata: UserData) -> None:
    userdata.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IndexMismatch, match=r"schema 99.*newer geobrief"):
        UserData(path)


@pytest.mark.parametrize("data", [b"no database " * 500, b"SQLite format 3\x00" + b"x" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(IndexCorrupt, match="move it away"):
        UserData(path)
    assert path.read_bytes() == data


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "other")
    connection.execute("CREATE TABLE meta (key, value)")
    connection.close()
    with pytest.raises(IndexCorrupt, match="holds no conversations"):
        UserData(tmp_path / "other")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(IndexUnusable, match="check the rights"):
            UserData(path)


def test_a_full_disk_is_told_and_leaves_what_was_kept(userdata: UserData) -> None:
    conversation, turn = userdata.add_turn("ann", None, "one", answer=record())
    with userdata._database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite takes the present size instead
    with pytest.raises(IndexUnusable, match=r"full.*free some space"):
        userdata.add_turn("ann", conversation, "two", answer=record("x" * 100_000), replaces=turn)
    assert questions(userdata, "ann", conversation) == ["one"]


def test_many_threads_write_at_once(userdata: UserData) -> None:
    def talk(n: int) -> list[str]:
        user = f"user {n}"
        conversation, _ = userdata.add_turn(user, None, "0", answer=record())
        for k in range(1, 10):
            _, turn = userdata.add_turn(user, conversation, str(k), answer=record("x" * 5000))
            userdata.give_feedback(user, turn, "up")
            assert len(userdata.conversations(user)) == 1
        return questions(userdata, user, conversation)

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(talk, range(16))) == [[str(k) for k in range(10)]] * 16
    assert len(userdata.feedback()) == 16 * 9


def test_several_processes_make_and_write_one_file(path: Path) -> None:
    command = [sys.executable, "-c", ADDING, str(path), "25", ""]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate("\n", timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    userdata = UserData(path)
    assert len(userdata.conversations("ann")) == 75
    userdata.close()


@pytest.mark.slow
def test_a_process_that_is_killed_loses_nothing_that_it_had_kept(path: Path, userdata: UserData) -> None:
    conversation, first = userdata.add_turn("ann", None, "first", answer=None)
    command = [sys.executable, "-c", ADDING, str(path), "100000", conversation]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        told = [process.stdout.readline().strip() for _ in range(40)]
        process.send_signal(signal.SIGKILL)
    kept = [turn.id for turn in userdata.turns("ann", conversation)]
    assert kept[:41] == [first, *told]
    userdata.add_turn("ann", conversation, "after", answer=None)
    assert questions(userdata, "ann", conversation)[-1] == "after"
