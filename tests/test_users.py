"""The users file, and the commands that change it."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rag import users as module
from rag.cli.users import users_app
from rag.errors import UsageError
from rag.users import COST, PasswordHash, Users

CHEAP = (2**15, 8, 1)
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COST", CHEAP)
    monkeypatch.setattr(module, "_NOBODY", PasswordHash(*CHEAP, bytes(16), bytes(32)))


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users.txt")


def test_new_hashes_cost_what_owasp_asks() -> None:
    assert COST == (2**17, 8, 1)


def test_a_password_is_right_for_its_user_alone(users: Users) -> None:
    users.add("ada", PASSWORD)
    users.add("bob", "battery staple")
    assert users.is_right("ada", PASSWORD)
    assert not users.is_right("bob", PASSWORD)
    assert not users.is_right("ada", PASSWORD + " ")
    assert not users.is_right("ada", "")
    assert not users.is_right("eve", PASSWORD)
    assert not users.is_right("ADA", PASSWORD)


def test_the_file_holds_scrypt_of_a_salt_of_its_own(users: Users) -> None:
    users.add("ada", PASSWORD)
    users.add("bob", PASSWORD)
    ada, bob = users.path.read_text().splitlines()
    name, _, hashed = ada.partition(":")
    assert (name, hashed.split("$")[:4]) == ("ada", ["scrypt", "32768", "8", "1"])
    assert hashed.split("$")[4:] != bob.split("$")[4:]
    assert PASSWORD not in users.path.read_text()
    known = PasswordHash.parse(hashed)
    assert known.digest == hashlib.scrypt(PASSWORD.encode(), salt=known.salt, n=2**15, r=8, p=1, maxmem=2**26, dklen=32)


def test_an_unknown_name_is_hashed_for_too(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("ada", PASSWORD)
    hashed: list[tuple[int, ...]] = []
    scrypt = module._scrypt

    def counted(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
        hashed.append((n, r, p))
        return scrypt(password, salt, n, r, p)

    monkeypatch.setattr(module, "_scrypt", counted)
    users.is_right("ada", "wrong")
    users.is_right("eve", "wrong")
    users.is_right("eve", "x" * 5000)
    assert hashed == [CHEAP] * 3


def test_only_the_owner_may_read_the_file(users: Users) -> None:
    before = os.umask(0)
    try:
        users.add("ada", PASSWORD)
        users.path.chmod(0o644)
        users.add("bob", PASSWORD)
    finally:
        os.umask(before)
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600


def test_comments_and_blank_lines_stay_where_they_are(users: Users) -> None:
    users.path.write_text(f"# für die Redaktion\nbob:{GOOD}\n\n# guests\nada:{GOOD}\neve:{GOOD}", encoding="utf-8")
    users.add("carl", PASSWORD)
    users.remove("bob")
    *before, added = users.path.read_text(encoding="utf-8").splitlines()
    assert [line.partition(":")[0] for line in before] == ["# für die Redaktion", "", "# guests", "ada", "eve"]
    assert added.startswith("carl:scrypt$")
    assert users.names() == ("ada", "carl", "eve")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give files away")
def test_the_file_stays_its_owners_when_root_changes_it(users: Users) -> None:
    users.add("ada", PASSWORD)
    os.chown(users.path, 12345, 23456)
    users.add("bob", PASSWORD)
    found = users.path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (12345, 23456, 0o600)


def test_who_may_not_give_the_file_away_may_change_it(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    users.add("ada", PASSWORD)
    monkeypatch.setattr(os, "chown", refused)
    users.add("bob", PASSWORD)
    assert users.names() == ("ada", "bob")


def test_a_change_is_seen_by_who_has_the_file_open(users: Users) -> None:
    users.add("ada", PASSWORD)
    serving = Users(users.path)
    first = serving.stamp("ada")
    assert first is not None
    users.add("ada", "another one")
    assert serving.stamp("ada") not in (None, first)
    assert not serving.is_right("ada", PASSWORD)
    users.remove("ada")
    assert serving.stamp("ada") is None
    assert serving.names() == ()


def test_a_write_that_fails_leaves_the_old_file(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    users.add("ada", PASSWORD)
    before = users.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UsageError, match=r"cannot be written \(No space left"):
        users.add("bob", PASSWORD)
    assert users.path.read_bytes() == before
    assert [path.name for path in users.path.parent.iterdir() if path.suffix == ".tmp" or path.name[0] == "."] == []


def test_users_added_at_the_same_time_are_all_kept(users: Users) -> None:
    names = [f"user{number}" for number in range(8)]
    threads = [threading.Thread(target=Users(users.path).add, args=(name, PASSWORD)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(users.names()) == names


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "../x", "-x", ".x", "é", "a" * 65, "<b>", "a\x00"])
def test_a_name_that_cannot_be_one_is_refused(users: Users, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a user"):
        users.add(name, PASSWORD)
    assert not users.path.exists()


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_too_short_or_too_long_is_refused_and_not_repeated(users: Users, password: str) -> None:
    with pytest.raises(UsageError, match="8 to 1,024 characters") as refused:
        users.add("ada", password)
    assert "short" not in str(refused.value)


@pytest.mark.parametrize("password", ["pässwörd 日本", "\ud800 half a character", "        ", "$:$:$:$:\t"])
def test_a_password_may_hold_any_characters(users: Users, password: str) -> None:
    users.add("ada", password)
    assert users.is_right("ada", password)


GOOD = "scrypt$32768$8$1$" + "A" * 22 + "==$" + "B" * 43 + "="


@pytest.mark.parametrize(
    "line",
    [
        "ada",
        "ada:",
        "ada:SECRETHASH",
        "a b:" + GOOD,
        ":" + GOOD,
        "ada:" + GOOD.replace("scrypt", "md5"),
        "ada:" + GOOD.replace("32768", "16384"),
        "ada:" + GOOD.replace("32768", "32769"),
        "ada:" + GOOD.replace("32768", "-32768"),
        "ada:" + GOOD.replace("32768", "1073741824"),
        "ada:" + GOOD.replace("$8$1$", "$1$1$"),
        "ada:" + GOOD.replace("$8$1$", "$8$99$"),
        "ada:" + GOOD[:-8],
        "ada:" + GOOD + "$more",
        "ada:" + GOOD.replace("BBBB", "!SEC"),
        "ädä:" + GOOD,
        "ada:" + GOOD.replace("A" * 22 + "==", ""),
    ],
)
def test_a_malformed_line_is_named_by_its_number_and_not_shown(users: Users, line: str) -> None:
    users.path.write_text(f"# users\n\nbob:{GOOD}\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        users.names()
    assert str(refused.value).startswith(f"{users.path}, line 4: ")
    assert "SEC" not in str(refused.value)
    assert "BBBB" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_name_that_stands_twice_is_refused(users: Users) -> None:
    users.path.write_text(f"ada:{GOOD}\nada:{GOOD}\n")
    with pytest.raises(UsageError, match="line 2: the name stands there twice"):
        users.names()


def test_a_file_that_became_bad_lets_nobody_in_until_it_is_mended(users: Users) -> None:
    users.add("ada", PASSWORD)
    good = users.path.read_text()
    users.path.write_text(good + "broken\n")
    for _ in range(2):
        with pytest.raises(UsageError, match="line 2"):
            users.is_right("ada", PASSWORD)
    users.path.unlink()
    with pytest.raises(UsageError, match=r"cannot be read \(No such file"):
        users.stamp("ada")
    users.path.write_text(good)
    assert users.is_right("ada", PASSWORD)


def test_a_hash_is_not_in_its_repr() -> None:
    assert repr(PasswordHash.parse(GOOD)) == "PasswordHash(…)"


# The commands


def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    app = typer.Typer()
    app.add_typer(users_app, name="users")
    result = CliRunner().invoke(app, ["users", *arguments], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.output


def test_users_are_added_listed_and_removed(users: Users) -> None:
    file = ("--file", str(users.path))
    assert run("add", "bob", *file, "--stdin", typed=f"{PASSWORD}\n") == (0, "added bob\n")
    assert run("add", "ada", *file, "--stdin", typed=PASSWORD) == (0, "added ada\n")
    assert run("add", "ada", *file, "--stdin", typed="another one\n") == (0, "changed the password of ada\n")
    assert run("list", *file) == (0, "ada\nbob\n")
    assert run("remove", "bob", *file) == (0, "removed bob\n")
    assert users.is_right("ada", "another one")
    code, said = run("remove", "bob", *file)
    assert (code, said[:25]) == (2, "there is no user 'bob' in")


def test_a_password_on_stdin_that_is_no_text_is_refused_and_not_repeated(users: Users) -> None:
    app = typer.Typer()
    app.add_typer(users_app, name="users")
    given = ["users", "add", "ada", "--file", str(users.path), "--stdin"]
    result = CliRunner().invoke(app, given, input=b"p\xe4sswort\n")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("standard input is not text in utf-8")
    assert "sswort" not in str(result.exception)
    assert not users.path.exists()


def test_without_a_terminal_the_password_is_not_asked_for(users: Users) -> None:
    code, said = run("add", "ada", "--file", str(users.path), typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert code == 2
    assert "--stdin" in said
    assert not users.path.exists()


@pytest.mark.parametrize(("second", "is_added"), [(PASSWORD, True), ("another one", False)])
def test_the_password_is_asked_twice(
    users: Users, monkeypatch: pytest.MonkeyPatch, second: str, is_added: bool
) -> None:
    typed = iter([PASSWORD, second])
    shown: list[object] = []
    monkeypatch.setattr("rag.cli.users.sys.stdin.isatty", lambda: True, raising=False)

    def prompt(text: str, *, hide_input: bool) -> str:
        shown.append(hide_input)
        return next(typed)

    monkeypatch.setattr(typer, "prompt", prompt)
    from rag.cli import users as command

    if is_added:
        command.add("ada", users.path)
    else:
        with pytest.raises(UsageError, match="differ"):
            command.add("ada", users.path)
    assert shown == [True, True]
    assert users.path.exists() is is_added
