"""Ollama's words in the engine's, and back: pure functions."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.errors import BadRequest
from homeroom.gateway import ollama_translate as translate

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        (0, 0),
        (5, 5),
        (2.5, 2.5),
        (-1, math.inf),
        (-0.5, math.inf),
        ("0", 0),
        ("-1", math.inf),
        ("300", 300),
        ("5m", 300),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("300ms", 0.3),
        ("-5m", math.inf),
        ("-0s", 0),
        ("+5m", 300),
    ],
)
def test_keep_alive(given: Any, seconds: float | None) -> None:
    assert translate.keep_alive(given) == pytest.approx(seconds)


@pytest.mark.parametrize("given", ["", "m", "5 m", "5x", "5m3", "--5", True, [], {}, "٥m", "1e3"])
def test_a_keep_alive_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(BadRequest, match="keep_alive"):
        translate.keep_alive(given)


@given(JSON)
def test_nothing_but_a_clear_refusal_comes_of_any_json(value: Any) -> None:
    for ask in (
        lambda: translate.messages(value),
        lambda: translate.schema(value),
        lambda: translate.thinking(value),
        lambda: translate.keep_alive(value),
        lambda: translate.logprobs_fields({"logprobs": value, "top_logprobs": value}),
    ):
        try:
            json.dumps(ask(), allow_nan=True)
        except BadRequest as error:
            assert error.message


def test_a_result_is_tied_to_its_call_by_name() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": {"x": 1}}}

    said = translate.messages(
        [
            {"role": "User", "content": "hi"},
            {"role": "assistant", "tool_calls": [call("a"), call("b")], "thinking": "hm"},
            {"role": "tool", "tool_name": "b", "content": "2"},
            {"role": "tool", "tool_name": "a", "content": "1"},
            {"role": "tool", "content": "3"},
        ]
    )
    calls = {item["function"]["name"]: item for item in said[1]["tool_calls"]}
    assert said[0]["role"] == "user"
    assert said[1]["reasoning_content"] == "hm"
    assert calls["a"]["function"]["arguments"] == '{"x": 1}'
    assert said[2]["tool_call_id"] == calls["b"]["id"]
    assert said[3]["tool_call_id"] == calls["a"]["id"]
    assert said[4]["tool_call_id"] not in (calls["a"]["id"], calls["b"]["id"])


def test_a_result_is_tied_to_its_call_by_id() -> None:
    calls = [{"id": name, "function": {"name": "f", "arguments": {}}} for name in ("one", "two")]
    said = translate.messages(
        [
            {"role": "assistant", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "two"},
            {"role": "tool", "tool_name": "f"},
        ]
    )
    assert [message.get("tool_call_id") for message in said[1:]] == ["two", "one"]


@pytest.mark.parametrize(
    "message",
    [
        5,
        {"role": "robot"},
        {"role": "user", "content": []},
        {"role": "assistant", "tool_calls": [{"function": {"name": 5}}]},
    ],
)
def test_a_wrong_message_is_refused(message: Any) -> None:
    with pytest.raises(BadRequest):
        translate.messages([message])


def test_a_call_that_was_cut_off_is_text_and_no_call() -> None:
    calls = [
        {"id": "1", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "2", "function": {"name": "g", "arguments": '{"y": '}},
    ]
    whole, cut = translate.tool_calls(calls)
    assert whole == [{"id": "1", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}}]
    assert cut == '{"name": "g", "arguments": {"y": '


@pytest.mark.parametrize(
    ("template", "think", "asked", "ignored"),
    [
        ("x", None, {}, []),
        ("enable_thinking", False, {"enable_thinking": False}, []),
        ("x", False, {"enable_thinking": False}, ["think"]),
        ("x", True, {"enable_thinking": True}, []),
        ("reasoning_effort", "max", {"enable_thinking": True, "reasoning_effort": "high"}, []),
        ("x", "low", {"enable_thinking": True}, ["think=low"]),
    ],
)
def test_thinking(template: str, think: bool | str | None, asked: dict[str, Any], ignored: list[str]) -> None:
    told: list[str] = []
    found = translate.thinking_fields(think, template, told)
    assert found == ({"chat_template_kwargs": asked} if asked else {})
    assert told == ignored


def test_metrics_are_nanoseconds() -> None:
    last = {
        "usage": {"prompt_tokens": 10, "completion_tokens": 3},
        "timings": {"prompt_ms": 12.5, "predicted_ms": 30.0},
    }
    assert translate.metrics(last, total=0.1, load=0.02) == {
        "total_duration": 100_000_000,
        "load_duration": 20_000_000,
        "prompt_eval_count": 10,
        "prompt_eval_duration": 12_500_000,
        "eval_count": 3,
        "eval_duration": 30_000_000,
    }
    assert set(translate.metrics({}, 0, 0)) == {"total_duration", "load_duration"}


def test_how_ollama_writes_numbers_and_times() -> None:
    written = [translate.human_number(n) for n in (134_515_008, 7_615_616_512, 70_000_000_000, 22_700_000, 512_000, 5)]
    assert written == ["134.52M", "7.6B", "70B", "22.70M", "512K", "5"]
    assert translate.timestamp(datetime(2026, 1, 2, 3, 4, 5, 600, UTC)) == "2026-01-02T03:04:05.000600Z"
