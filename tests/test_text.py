"""The catalogue's use: the language that is asked for, sizes and times as people see them."""

from __future__ import annotations

import pytest

from homeroom.text import detect, duration, size


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "HOMEROOM_LANG": "zh"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN"}, "en"),
    ],
)
def test_the_language_of_an_environment(environment: dict[str, str], language: str) -> None:
    assert detect(environment) == language


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (98_362_432, "98.4 MB"), (404_700_000_000, "404.7 GB"), (999_960, "1.0 MB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.42, "0.4 s"), (59.4, "59 s"), (80, "1 min 20 s"), (7500, "2 h 05 min")]
)
def test_lengths_of_time(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
