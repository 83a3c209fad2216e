"""Keys of programs: what is kept of them, and who is let in."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.cli.keys import keys_app
from rag.errors import UsageError
from rag.service.keys import LEVELS, ApiKeys, allows


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys(tmp_path / "keys.txt")


def test_a_key_is_found_by_its_token_and_by_nothing_close_to_it(keys: ApiKeys) -> None:
    token = keys.add("notebook", "write")
    found = keys.find(token)
    assert found is not None
    assert (found.name, found.level) == ("notebook", "write")
    for other in ("", token[:-1], token + "a", token.upper(), f" {token}", "gb_", "\ud800", "ключ"):
        assert keys.find(other) is None


def test_no_token_can_be_read_from_the_file_or_from_a_key(keys: ApiKeys) -> None:
    token = keys.add("notebook", "read")
    found = keys.find(token)
    assert token not in keys.path.read_text(encoding="ascii")
    assert found is not None
    assert found.digest not in repr(found)
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600


def test_tokens_hold_256_bits_and_differ(keys: ApiKeys) -> None:
    tokens = {keys.add(f"k{n}", "read") for n in range(20)}
    assert len(tokens) == 20
    assert all(len(token) == len("gb_") + 43 for token in tokens)  # 32 bytes in base64


def test_a_level_allows_what_those_before_it_allow() -> None:
    assert [allows("write", level) for level in LEVELS] == [True, True, False]
    assert [allows(level, "write") for level in LEVELS] == [False, True, True]


def test_a_removed_key_is_refused_by_who_has_the_file_open(keys: ApiKeys) -> None:
    token = keys.add("notebook", "read")
    elsewhere = ApiKeys(keys.path)
    assert elsewhere.find(token)
    keys.remove("notebook")
    assert elsewhere.find(token) is None


def test_comments_stay_where_they_are(keys: ApiKeys) -> None:
    keys.add("notebook", "read")
    line = keys.path.read_text(encoding="ascii")
    keys.path.write_text(f"# für Ada\n\n{line}", encoding="utf-8")
    keys.add("agent", "write")
    keys.remove("agent")
    assert keys.path.read_text(encoding="utf-8") == f"# für Ada\n\n{line}"


def test_keys_added_at_once_are_all_there(keys: ApiKeys) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda n: ApiKeys(keys.path).add(f"k{n}", "read"), range(16)))
    assert all(keys.find(token) for token in tokens)
    assert len(keys.listed()) == 16


@pytest.mark.parametrize(
    "line",
    [
        "notebook:read:sha256$00",
        "notebook:root:sha256$" + "0" * 64,
        "notebook:sha256$" + "0" * 64,
        "a b:read:sha256$" + "0" * 64,
        "\x00",
    ],
)
def test_a_broken_line_is_named_and_not_shown(keys: ApiKeys, line: str) -> None:
    keys.path.write_text(f"# keys\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="line 2") as told:
        keys.find("gb_x")
    assert line not in str(told.value)


def test_a_name_twice_is_refused(keys: ApiKeys) -> None:
    keys.add("notebook", "read")
    with pytest.raises(UsageError, match="already"):
        keys.add("notebook", "admin")
    keys.path.write_text(keys.path.read_text(encoding="ascii") * 2, encoding="ascii")
    with pytest.raises(UsageError, match="line 2: the name stands there twice"):
        keys.listed()


@pytest.mark.parametrize("name", ["", "a:b", "a\nb", "-a", "a" * 65, "é"])
def test_names_that_would_break_the_file_are_refused(keys: ApiKeys, name: str) -> None:
    with pytest.raises(UsageError, match="is no name"):
        keys.add(name, "read")


def test_the_command_prints_the_key_once(tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        done = CliRunner().invoke(keys_app, [*arguments, "--file", str(tmp_path / "keys.txt")])
        assert done.exit_code == 0
        return done.stdout

    token = told("add", "notebook", "--scope", "write").strip()
    found = ApiKeys(tmp_path / "keys.txt").find(token)
    assert found is not None
    assert found.level == "write"
    assert told("list") == "notebook  write\n"
    assert token not in told("remove", "notebook")
    assert told("list") == ""
