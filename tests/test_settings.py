from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rag.errors import UsageError
from rag.settings import load_settings

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


def test_a_file_that_is_no_toml_is_an_error(clean_environment: SetEnv, tmp_path: Path) -> None:
    path = tmp_path / "geobrief.toml"
    path.write_text("[[[")
    with pytest.raises(UsageError, match=r"geobrief\.toml"):
        load_settings(path)


def test_the_digest_moves_with_what_changes_answers_and_not_with_the_place(clean_environment: SetEnv) -> None:
    base = load_settings().digest()
    assert load_settings(index=Path("elsewhere")).digest() == base
    clean_environment("GEOBRIEF_ANSWER__THRESHOLD", "0.9")
    assert load_settings().digest() != base
