"""One field at a time."""

from __future__ import annotations

from typing import Any

import pytest

from homeroom.engine import fields
from homeroom.errors import BadRequest


@pytest.mark.parametrize("value", [True, "1", None, [], float("inf"), float("nan"), -0.1, 1.1])
def test_a_number(value: Any) -> None:
    assert fields.number("p", 0.5, 0, 1) == 0.5
    with pytest.raises(BadRequest, match=r"'p' must be a number, 0\.\.1"):
        fields.number("p", value, 0, 1)


@pytest.mark.parametrize("value", [True, "1", None, 1.5, 0, 2**40])
def test_a_whole_number(value: Any) -> None:
    assert fields.integer("n", 5.0, 1) == 5
    with pytest.raises(BadRequest, match="'n' must be a whole number, 1 or more"):
        fields.integer("n", value, 1)


def test_a_seed_that_was_given_is_never_the_engines_any() -> None:
    assert fields.seed("seed", -1) is None
    assert fields.seed("seed", 7) == 7
    assert fields.seed("seed", 2**32 - 1) != 2**32 - 1
    assert fields.seed("seed", 2**63) == fields.seed("seed", 2**63)
    with pytest.raises(BadRequest):
        fields.seed("seed", 2**70)


def test_texts() -> None:
    assert fields.texts("stop", None) == []
    assert fields.texts("stop", "a") == ["a"]
    assert fields.texts("stop", ["a", "b"]) == ["a", "b"]
    for value in (5, [""], "", [None], {"a": 1}):
        with pytest.raises(BadRequest):
            fields.texts("stop", value)


def test_booleans_and_texts_may_be_left_out() -> None:
    assert (fields.boolean("b", None), fields.text("t", None)) == (False, "")
    for value in (0, 1, "true"):
        with pytest.raises(BadRequest):
            fields.boolean("b", value)
    with pytest.raises(BadRequest):
        fields.text("t", 5)


@pytest.mark.parametrize("value", [10**400, -(10**400), 1e39, float("inf"), float("nan"), True, "1", None])
def test_a_number_that_no_engine_can_compute_with_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="presence_penalty"):
        fields.number("presence_penalty", value)


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": list(range(2001))},
        {"properties": {"a": {"anyOf": [{"const": number} for number in range(2001)]}}},
        {"description": "x" * 200_001},
        [],
        "string",
    ],
    ids=["enum", "anyOf", "long", "a list", "a text"],
)
def test_a_schema_that_would_hold_up_the_engine_is_refused(schema: object) -> None:
    with pytest.raises(BadRequest):
        fields.schema("format", schema)


def test_a_schema_that_is_too_deep_is_refused() -> None:
    schema: dict[str, object] = {}
    for _ in range(70):
        schema = {"items": schema}
    with pytest.raises(BadRequest, match="levels"):
        fields.schema("format", schema)
    assert fields.schema("format", {"enum": list(range(2000))})


@pytest.mark.parametrize("grammar", ["(" * 65, "x" * 20_001])
def test_a_grammar_that_would_end_the_engine_is_refused(grammar: str) -> None:
    with pytest.raises(BadRequest, match="grammar"):
        fields.grammar("grammar", grammar)
