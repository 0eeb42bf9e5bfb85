"""The message catalogue: every sentence in both languages with the same facts, and every key that code uses exists."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import homeroom
from homeroom import errors, text

SOURCE = Path(homeroom.__file__).parent
AREAS = sorted(path.stem for path in (SOURCE / "messages").glob("*.py") if path.stem != "__init__")
MESSAGES = [(key, pair) for area in AREAS for key, pair in text.catalogue(area).items()]


def fields(sentence: str) -> set[str]:
    return {name.split("!")[0].split(":")[0] for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_say_the_same(area: str) -> None:
    for key, (english, chinese) in text.catalogue(area).items():
        assert key.startswith(f"{area}."), key
        assert english.strip() and chinese.strip(), key
        assert fields(english) == fields(chinese), key


def test_chinese_is_chinese() -> None:
    """A sentence of some length that has no Chinese letter was forgotten, unless it is only a command or a name."""
    han = re.compile(r"[\u4e00-\u9fff]")
    forgotten = [
        key
        for key, (english, chinese) in MESSAGES
        if len(english.split()) > 4 and english == chinese and not han.search(chinese)
    ]
    assert not forgotten


def used_keys() -> dict[str, str]:
    """Message keys in the code: string constants of the shape ``area.name`` whose area exists."""
    found: dict[str, str] = {}
    pattern = re.compile(rf'"((?:{"|".join(AREAS)})\.[a-z0-9_.]+)"')
    for path in sorted(SOURCE.rglob("*.py")):
        if path.parent.name != "messages" and path != SOURCE / "__init__.py":  # which names modules, not messages
            for key in pattern.findall(path.read_text(encoding="utf-8")):
                found.setdefault(key, path.relative_to(SOURCE).as_posix())
    return found


def test_every_key_that_is_used_exists() -> None:
    known = {key for key, _ in MESSAGES}
    files = (".log", ".sock", ".lock", ".py", ".json", ".com")
    assert not {key: where for key, where in used_keys().items() if key not in known and not key.endswith(files)}


def test_every_error_says_what_to_type_next() -> None:
    """Each message that an error of ours is raised with has its ``.next``."""
    classes = "|".join(
        name
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, errors.HomeroomError) and name != "Interrupted"
    )
    pattern = re.compile(rf'\b(?:{classes})\(\s*"([a-z0-9_.]+)"')
    silent = []
    for path in sorted(SOURCE.rglob("*.py")):
        for key in pattern.findall(path.read_text(encoding="utf-8")):
            if path.name != "errors.py" and not text.has(f"{key}.next"):
                silent.append((path.name, key))
    assert not silent


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    """errors.py opens with the tree; every class stands in it, under its parent."""
    assert errors.__doc__ is not None
    for name, thing in vars(errors).items():
        if isinstance(thing, type) and issubclass(thing, errors.HomeroomError):
            assert re.search(rf"[- ,]{name}\b", errors.__doc__), name


def test_chinese_has_chinese_punctuation() -> None:
    """No half-width comma, colon, semicolon, question mark or bracket touches a Chinese letter."""
    half = re.compile(r"[\u4e00-\u9fff][,:;?()]|[,;(][\u4e00-\u9fff]")
    assert [key for key, (_, chinese) in MESSAGES if half.search(chinese)] == []
