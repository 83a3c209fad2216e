"""The compose files as compose reads them: with variables put in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SERVERS = "compose.servers.yaml"
PASSWORD = "p@ss:w/rd '%41' \\ ü"  # none of it may be taken for a part of an address or of a command
SECRETS = {"POSTGRES_PASSWORD": PASSWORD}


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Put variables in as compose does.

    Raises:
        KeyError: if one is missing that must be given.
    """
    if isinstance(value, dict):
        return {name: filled(one, variables) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, variables) for one in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        return variables[name] if name in variables or default is None else default

    return re.sub(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}", put, value)


def read(name: str, variables: Mapping[str, str] = SECRETS) -> dict[str, Any]:
    found: dict[str, Any] = filled(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")), variables)
    return found
