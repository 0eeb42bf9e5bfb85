"""Settings: flag over environment over config.toml over default, and clear errors for what cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from homeroom import settings, text
from homeroom.errors import SettingsError
from homeroom.settings import SETTINGS, load


def home(tmp_path: Path, config: str = "") -> dict[str, str]:
    if config:
        (tmp_path / "config.toml").write_text(config, encoding="utf-8")
    return {"HOMEROOM_HOME": str(tmp_path)}


def test_each_place_beats_the_next(tmp_path: Path) -> None:
    environment = home(tmp_path, "port = 2000\nparallel = 3\n")
    assert (load({}, environment).port, load({}, environment).origin["port"]) == (2000, "config.toml")
    environment["HOMEROOM_PORT"] = "3000"
    assert (load({}, environment).port, load({}, environment).origin["port"]) == (3000, "environment")
    found = load({"port": 4000, "ctx": None}, environment)
    assert (found.port, found.origin["port"]) == (4000, "flag")
    assert (found.parallel, found.ctx, found.origin["ctx"]) == (3, 0, "default")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("port = 70000", "port cannot be 70000; allowed: 0..65535"),
        ("port = true", "port cannot be True"),
        ("kv_type = 'q3'", "q3"),
        ("prot = 1", "'prot'"),
        ("port = ", "config.toml cannot be read"),
        ("host = '0.0.0.0'", "0.0.0.0"),
        ("model_folders = 3", "model_folders"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, config: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load({}, home(tmp_path, config))
    assert says in str(raised.value)
    assert raised.value.exit_code == 2


def test_words_are_a_list_in_the_order_given(tmp_path: Path) -> None:
    assert load({}, home(tmp_path)).sources == ("hf", "ms", "ollama")
    environment = home(tmp_path) | {"HOMEROOM_SOURCES": " MS, hf,ms", "HOMEROOM_STORES": "none"}
    found = load({}, environment)
    assert (found.sources, found.stores) == (("ms", "hf"), ())
    assert load({"stores": "lmstudio,llama.cpp"}, environment).stores == ("lmstudio", "llama.cpp")
    assert load({}, home(tmp_path, "sources = ['ollama']\nstores = []\n")).sources == ("ollama",)
    for value in ("", "hf,,ms", "none", "hf,github"):
        with pytest.raises(SettingsError, match="hf,ms,ollama"):
            load({"sources": value}, home(tmp_path))


@pytest.mark.parametrize(
    ("given", "bytes"),
    [
        ("0", 0),
        ("5_000_000", 5 * 10**6),
        ("5MB", 5 * 10**6),
        ("1.5 MiB", 3 << 19),
        ("800k", 800_000),
        ("2mb/s", 2 * 10**6),
    ],
)
def test_a_rate_may_be_typed_as_people_do(tmp_path: Path, given: str, bytes: int) -> None:
    assert load({"limit_rate": given}, home(tmp_path)).limit_rate == bytes


@pytest.mark.parametrize("given", ["fast", "-1", "5 TB", "MB", "true", "1e9", "nan", "__", "9" * 400])
def test_a_rate_that_is_none(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingsError, match="5MB"):
        load({"limit_rate": given}, home(tmp_path))


def test_the_environments_name_is_told_where_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HOMEROOM_CTX"):
        load({}, home(tmp_path) | {"HOMEROOM_CTX": "many"})


def test_one_name_everywhere() -> None:
    for setting in SETTINGS:
        assert setting.env == "HOMEROOM_" + setting.name.upper()
        assert setting.flag == "--" + setting.name.replace("_", "-")
        assert setting.parse(setting.default) == setting.default
    assert {setting.name for setting in SETTINGS} == set(settings.Settings.__slots__) - {"home", "origin"}


def test_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        settings.prepare(tmp_path / "new" / "home")
        (tmp_path / "open").mkdir(0o777)
        settings.prepare(tmp_path / "open")
    finally:
        os.umask(previous)
    for name in ("new/home", "open"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(SettingsError, match="HOMEROOM_HOME"):
        settings.prepare(tmp_path / "file")


def test_a_home_of_nobody_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, {"HOMEROOM_HOME": "~nobody-of-this-name/x"})
    assert caught.value.key == "ground.bad_home" and caught.value.next


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_what_is_allowed_is_told_in_the_language_of_the_user(
    language: text.Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_default", language)
    allowed = {setting.name: setting.allowed for setting in SETTINGS}
    assert all(allowed.values())
    assert allowed["kv_type"] == " | ".join(settings.KV_TYPES)
    assert all(word in allowed["sources"] for word in settings.SOURCES)
    assert all(word in allowed["stores"] for word in settings.STORES)
    assert ("秒" in allowed["engine_wait"]) == (language == "zh")
    for word in ("MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN"):
        assert word in allowed["modelscope_endpoint"] and word in text.t("settings.modelscope_endpoint")
