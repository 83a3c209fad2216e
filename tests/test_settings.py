from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.evaluation.environment import environment
from rag.settings import Settings, load_settings

SetEnv = Callable[[str, str], None]


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "geobrief.toml"
    path.write_text('index = "from-file"\n[retrieve]\nfetch_k = 11\ntop_k = 12\nrrf_k = 13\n')
    return path


def test_a_flag_beats_the_environment_which_beats_the_file(clean_environment: SetEnv, toml: Path) -> None:
    clean_environment("GEOBRIEF_INDEX", "from-environment")
    clean_environment("GEOBRIEF_RETRIEVE__TOP_K", "21")
    settings = load_settings(toml, index=Path("from-flag"))
    assert settings.index == Path("from-flag")
    assert (settings.retrieve.fetch_k, settings.retrieve.top_k, settings.retrieve.rrf_k) == (11, 21, 13)
    assert load_settings(toml).index == Path("from-environment")


def test_the_default_index_lies_in_the_working_folder(clean_environment: SetEnv) -> None:
    assert load_settings().index == Path(".geobrief")


def test_a_misspelt_key_is_an_error(clean_environment: SetEnv, tmp_path: Path) -> None:
    path = tmp_path / "geobrief.toml"
    path.write_text("[retrieve]\nfetchk = 11\n")
    with pytest.raises(UsageError, match=r"retrieve\.fetchk"):
        load_settings(path)


@pytest.mark.parametrize(
    ("name", "value"), [("GEOBRIEF_RETRIEVE__TOP_K", "many"), ("GEOBRIEF_ANSWER__THRESHOLD", "1.5")]
)
def test_a_wrong_value_is_an_error_that_names_its_key(clean_environment: SetEnv, name: str, value: str) -> None:
    clean_environment(name, value)
    with pytest.raises(UsageError, match=name.removeprefix("GEOBRIEF_").replace("__", ".").lower()):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "form"),
    [
        ("GEOBRIEF_CATALOGUE", "postgresql://u:secret@host/db", "GEOBRIEF_CATALOGUE__KEY"),
        ("GEOBRIEF_RETRIEVE", "7", "GEOBRIEF_RETRIEVE__KEY"),
        ("GEOBRIEF_EMBEDDING__LANGUAGES", "en,de", r'\["en", "de"\]'),
        ("GEOBRIEF_INDEX__FOLDER", "x", "write GEOBRIEF_INDEX$"),
    ],
)
def test_a_variable_of_the_wrong_form_is_named_with_the_right_one(
    clean_environment: SetEnv, name: str, value: str, form: str
) -> None:
    clean_environment(name, value)
    with pytest.raises(UsageError, match=f"{name} .*{form}") as refused:
        load_settings()
    assert "geobrief.toml" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_variables_may_hold_json(clean_environment: SetEnv) -> None:
    clean_environment("GEOBRIEF_RETRIEVE", '{"top_k": 21}')
    clean_environment("GEOBRIEF_EMBEDDING__LANGUAGES", '["en", "de"]')
    settings = load_settings()
    assert (settings.retrieve.top_k, settings.embedding.languages) == (21, ("en", "de"))


@pytest.mark.parametrize("name", ["GEOBRIEF_INDEX", "GEOBRIEF_CATALOGUE__URL", "GEOBRIEF_RETRIEVE__TOP_K"])
def test_an_empty_variable_counts_as_none(clean_environment: SetEnv, name: str) -> None:
    clean_environment(name, "")
    assert load_settings().model_dump() == Settings().model_dump()
    assert load_settings().index == Path(".geobrief")


def test_a_file_that_is_no_toml_is_an_error(clean_environment: SetEnv, tmp_path: Path) -> None:
    path = tmp_path / "geobrief.toml"
    path.write_text("[[[")
    with pytest.raises(UsageError, match=r"geobrief\.toml"):
        load_settings(path)


def test_a_password_in_the_address_of_the_llm_is_in_no_report_and_moves_no_digest(clean_environment: SetEnv) -> None:
    clean_environment("GEOBRIEF_LLM__BASE_URL", "https://host:8000/v1/@x")
    plain = load_settings()
    clean_environment("GEOBRIEF_LLM__BASE_URL", "https://ada:hu@sh@host:8000/v1/@x")
    secret = load_settings()
    assert secret.llm.base_url == "https://ada:hu@sh@host:8000/v1/@x"
    assert environment(secret, seed=1) == environment(plain, seed=1)
    assert environment(plain, seed=1).settings["llm"] == plain.llm.model_dump(mode="json")


def test_the_digest_moves_with_what_changes_answers_and_not_with_the_place(clean_environment: SetEnv) -> None:
    base = load_settings().digest()
    assert load_settings(index=Path("elsewhere")).digest() == base
    clean_environment("GEOBRIEF_ANSWER__THRESHOLD", "0.9")
    assert load_settings().digest() != base
