"""The compose files: what they let out, what they ask for, and what the image holds for them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import jsonschema
import pytest

from rag.settings import load_settings
from tests.compose_files import ROOT, SERVERS, read

FILES = ("compose.yaml", SERVERS)
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
SERVICE = {
    "type": "object",
    "required": ["image", "read_only", "cap_drop", "security_opt", "restart", "pids_limit", "logging"],
    "additionalProperties": False,
    "properties": {
        "build": {"type": "object", "required": ["context"]},
        "image": TEXT,
        "user": {"type": "string", "pattern": r"^\d+:\d+$"},
        "command": TEXTS,
        "environment": {"type": "object", "additionalProperties": TEXT},
        "depends_on": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"condition": {"const": "service_healthy"}}},
        },
        "deploy": {"type": "object", "properties": {"replicas": {}}, "additionalProperties": False},
        "healthcheck": {
            "type": "object",
            "required": ["test", "interval", "timeout", "retries"],
            "properties": {"test": {"type": "array", "prefixItems": [{"const": "CMD"}], "items": TEXT}},
        },
        "networks": TEXTS,
        "ports": TEXTS,
        "volumes": TEXTS,
        "tmpfs": TEXTS,
        "read_only": {"const": True},
        "init": {"type": "boolean"},
        "cap_drop": {"const": ["ALL"]},
        "security_opt": {"const": ["no-new-privileges:true"]},
        "pids_limit": {"type": "integer"},
        "mem_limit": TEXT,
        "shm_size": TEXT,
        "stop_grace_period": TEXT,
        "restart": {"const": "unless-stopped"},
        "logging": {"type": "object", "required": ["driver"]},
    },
}
COMPOSE = {
    "type": "object",
    "required": ["name", "services", "volumes"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": TEXT,
        "services": {"type": "object", "additionalProperties": SERVICE},
        "networks": {"type": "object"},
        "volumes": {"type": "object"},
    },
}


@pytest.mark.parametrize("name", FILES)
def test_a_compose_file_has_the_keys_that_there_are_and_locks_each_service_in(name: str) -> None:
    jsonschema.Draft202012Validator(COMPOSE).validate(read(name))


@pytest.mark.parametrize("name", FILES)
def test_what_a_service_names_is_there(name: str) -> None:
    compose = read(name)
    for service in compose["services"].values():
        named = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith((".", "/"))}
        assert named <= set(compose["volumes"])
        assert set(service.get("networks", [])) <= set(compose.get("networks", {}))
        assert all("healthcheck" in compose["services"][other] for other in service.get("depends_on", {}))


def test_servers_are_reached_by_the_app_alone() -> None:
    compose = read(SERVERS)
    inside = {name for name, network in compose["networks"].items() if network and network.get("internal")}
    servers = {name: service for name, service in compose["services"].items() if name != "app"}
    assert set(servers) == {"postgres", "chroma"}
    for service in servers.values():
        assert "ports" not in service
        assert set(service["networks"]) <= inside
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["app"]["ports"])
    assert "--insecure" not in compose["services"]["app"]["command"]


def test_no_password_is_written_down_and_without_one_nothing_starts() -> None:
    text = (ROOT / SERVERS).read_text(encoding="utf-8")
    assert not re.search(r"POSTGRES_PASSWORD:-", text)
    assert not re.search(r"POSTGRES_HOST_AUTH_METHOD|trust", text)
    with pytest.raises(KeyError):
        read(SERVERS, {})


def test_images_are_pinned_and_chroma_is_the_version_that_is_installed() -> None:
    images = {name: service["image"] for name, service in read(SERVERS)["services"].items()}
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    chromadb = re.search(r"(?m)^chromadb==(\S+)", constraints)
    assert chromadb is not None
    assert images["chroma"] == f"chromadb/chroma:{chromadb[1]}"
    assert re.fullmatch(r"postgres:\d+", images["postgres"])


def test_the_image_installs_the_client_of_postgresql_and_the_traces() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    extras = re.search(r'(?m)^ARG EXTRAS="([^"]*)"', dockerfile)
    command = re.search(r'(?m)^RUN python -c ("import tomllib; .*") \\$', dockerfile)
    assert extras is not None
    assert command is not None
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -c {command[1]}"],
        cwd=ROOT,
        env={**os.environ, "EXTRAS": extras[1]},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    names = {re.split(r"[\[<>=]", line)[0] for line in done.stdout.splitlines()}
    assert {"chromadb", "torch", "psycopg", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= names
    assert not {"ray", "pytest"} & names


def test_the_app_finds_its_servers_by_settings(clean_environment: Callable[[str, str], None]) -> None:
    for name, value in read(SERVERS)["services"]["app"]["environment"].items():
        clean_environment(name, value)
    settings = load_settings()
    assert settings.catalogue.url is not None
    assert settings.store.url is not None
    assert settings.catalogue.url.get_secret_value() == "postgresql://geobrief@postgres:5432/geobrief"
    assert settings.store.url.get_secret_value() == "http://chroma:8000"
