"""Ollama's options: of a request, where a wrong one is refused, and of a Modelfile, where it is passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from homeroom.engine.ollama_options import defaults, followed, options
from homeroom.errors import BadRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def test_options() -> None:
    ignored: list[str] = []
    asked = options(
        {"temperature": 0, "num_predict": 9, "stop": ["a"], "seed": 5.0, "num_ctx": 4096, "num_keep": 4, "top_k": None},
        ignored,
    )
    assert asked == {"temperature": 0, "max_tokens": 9, "stop": ["a"], "seed": 5}
    assert ignored == ["num_ctx", "num_keep"]


@pytest.mark.parametrize("limit", [-1, -2])
def test_no_limit_is_said_so_that_the_model_s_own_is_none(limit: int) -> None:
    assert options({"num_predict": limit, "seed": -1}, []) == {"max_tokens": -1}


@pytest.mark.parametrize(
    "given",
    [
        {"num_predict": 0},
        {"num_predict": -3},
        {"temperature": "1"},
        {"top_p": 2},
        {"seed": 1.5},
        {"stop": [1]},
        {"nope": 1},
        [],
        "x",
    ],
)
def test_a_wrong_option_is_refused(given: Any) -> None:
    with pytest.raises(BadRequest):
        options(given, [])


@any_of(JSON)
def test_nothing_but_a_clear_refusal_comes_of_any_json(value: Any) -> None:
    try:
        json.dumps(options(value, []))
    except BadRequest as error:
        assert error.message


def test_what_of_a_modelfile_can_be_followed() -> None:
    told = {
        "temperature": 0.6,
        "num_ctx": 4096,
        "stop": ["</s>", "User:"],
        "top_p": 7,
        "nope": 1,
        "num_predict": 128,
        "seed": 5,
    }
    assert defaults(told) == {"temperature": 0.6, "stop": ["</s>", "User:"], "max_tokens": 128, "seed": 5}
    assert [name for name in told if followed(name, told[name])] == ["temperature", "stop", "num_predict", "seed"]


@any_of(st.dictionaries(st.sampled_from(["temperature", "stop", "num_predict", "seed", "top_k", "num_ctx", "x"]), JSON))
def test_no_modelfile_is_refused(told: dict[str, Any]) -> None:
    assert isinstance(defaults(told), dict)
