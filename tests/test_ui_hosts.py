"""Under which names a server may be asked for, and which addresses need sign-in."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.errors import UsageError
from rag.ui.web.hosts import Hosts, Place, is_loopback

LOOPBACK = Hosts.of("127.0.0.1", 7860)
PUBLIC = Hosts.of("0.0.0.0", 7860, host="0.0.0.0", allowed=["briefs.example.org"])


# Hosts


@pytest.mark.parametrize(
    ("hosts", "asked", "serves"),
    [
        (LOOPBACK, "127.0.0.1:7860", True),
        (LOOPBACK, "localhost:7860", True),
        (LOOPBACK, "LOCALHOST:7860", True),
        (LOOPBACK, "[::1]:7860", True),
        (LOOPBACK, "127.8.9.1:7860", True),
        (LOOPBACK, "127.0.0.1", False),
        (LOOPBACK, "127.0.0.1:80", False),
        (LOOPBACK, "rebound.example:7860", False),
        (LOOPBACK, "localhost.rebound.example:7860", False),
        (LOOPBACK, "127.0.0.1.rebound.example:7860", False),
        (LOOPBACK, "192.0.2.1:7860", False),
        (LOOPBACK, "0.0.0.0:7860", False),
        (Hosts.of("127.0.0.1", 80), "localhost", True),
        (Hosts.of("127.0.0.1", 7860, allowed=["localhost:8080"]), "localhost:8080", True),
        (Hosts.of("127.0.0.1", 7860, allowed=["localhost:8080"]), "localhost:8081", False),
        (Hosts.of("127.0.0.1", 7860, allowed=["::1"]), "[::1]:9", True),
        (PUBLIC, "192.0.2.1:7860", True),
        (PUBLIC, "[2001:db8::1]:8443", True),
        (PUBLIC, "localhost:8080", True),
        (PUBLIC, "briefs.example.org", True),
        (PUBLIC, "Briefs.Example.org:443", True),
        (PUBLIC, "rebound.example:7860", False),
        (Hosts.of("::", 7860), "[2001:DB8:0::1]:7860", True),
        (Hosts.of("192.0.2.1", 7860), "192.0.2.1:7860", True),
        (Hosts.of("192.0.2.1", 7860), "192.0.2.2:7860", False),
        (Hosts.of("192.0.2.1", 7860), "localhost:7860", False),
        (Hosts.of("192.0.2.1", 7860, host="desk.lan"), "desk.lan:7860", True),
        (Hosts.of("192.0.2.1", 7860, host="desk.lan"), "desk.lan:7861", False),
    ],
)
def test_a_server_answers_to_its_own_names(hosts: Hosts, asked: str, serves: bool) -> None:
    place = Place.parse(asked)
    assert place is not None
    assert hosts.serves(place, "http") is serves


@pytest.mark.parametrize(
    "text", ["", "a b", "user@localhost", "localhost:", "localhost:x", "[::1", "[1.2.3.4]", "a/b", "a:1:2", "é", "a,b"]
)
def test_what_is_no_host_is_none(text: str) -> None:
    assert Place.parse(text) is None


@pytest.mark.parametrize("name", ["", "https://briefs.example.org", "a b", "*"])
def test_an_allowed_host_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--allow-host"):
        Hosts.of("127.0.0.1", 7860, allowed=[name])


@pytest.mark.parametrize(
    ("addresses", "is_own"),
    [
        (["127.0.0.1"], True),
        (["::1", "127.0.0.1"], True),
        (["127.9.9.9"], True),
        (["::ffff:127.0.0.1"], True),
        (["127.0.0.1", "192.0.2.1"], False),
        (["0.0.0.0"], False),
        (["::"], False),
        (["fe80::1%eth0"], False),
    ],
)
def test_only_what_resolves_to_loopback_alone_is_this_machine(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], is_own: bool
) -> None:
    found = [(0, 0, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert is_loopback("a-name") is is_own


@pytest.mark.parametrize("host", ["", "0", "0.0.0.0", "::", "256.0.0.1"])
def test_every_address_and_no_address_are_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


# The command


def serve(*arguments: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[int, str]:
    """Run `geobrief serve` as far as opening the index; exit code 99 says that it came so far."""
    from rag.cli.main import app

    def opened(*_: object, **__: object) -> None:
        raise SystemExit(99)

    monkeypatch.setattr("rag.build.open_embeddings", lambda *_: None)
    monkeypatch.setattr("rag.build.open_assistant", opened)
    monkeypatch.setattr("rag.ui.require_free_port", lambda *_: None)
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(app, ["serve", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        return 2, str(result.exception)
    return result.exit_code, result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_open_address_needs_sign_in_or_the_word_insecure(
    host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, said = serve("--host", host, monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert code == 2
    assert "--auth FILE" in said
    assert "--insecure" in said
    code, said = serve("--host", host, "--insecure", monkeypatch=monkeypatch, tmp_path=tmp_path)
    assert (code, said.splitlines()[0][:18]) == (99, "geobrief: warning:")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_this_machine_needs_neither(host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert serve("--host", host, monkeypatch=monkeypatch, tmp_path=tmp_path) == (99, "")


def test_a_bad_users_file_is_told_before_anything_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    for content, told in [(None, "cannot be read"), ("", "nobody is in"), ("x\n", "line 1")]:
        if content is not None:
            users.write_text(content)
        code, said = serve("--auth", str(users), monkeypatch=monkeypatch, tmp_path=tmp_path)
        assert code == 2
        assert told in said
