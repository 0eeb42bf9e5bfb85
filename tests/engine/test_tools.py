"""Tool calls for templates that know none, and choices that the engine does not hold to."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeroom.engine import tools
from homeroom.errors import BadRequest

Chunk = dict[str, Any]


def function(name: str, parameters: Any = None) -> Chunk:
    about = {"name": name} if parameters is None else {"name": name, "parameters": parameters}
    return {"type": "function", "function": about}


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER, CLOCK = function("weather", CITY), function("clock")
ASK = {"messages": [{"role": "user", "content": "hi"}], "tools": [WEATHER, CLOCK], "max_tokens": 5}


def schema_of(body: Chunk) -> Chunk:
    wanted = body["response_format"]
    assert wanted["type"] == "json_schema"
    return dict(wanted["json_schema"]["schema"])


def test_auto_allows_a_reply_or_any_call() -> None:
    body = tools.constrain(ASK)
    kinds = [next(iter(schema["properties"])) for schema in schema_of(body)["anyOf"]]
    assert kinds == ["reply", "tool", "tool"]
    assert not {"tools", "tool_choice"} & set(body)
    assert body["max_tokens"] == 5
    system = body["messages"][0]
    assert system["role"] == "system"
    assert '"weather"' in system["content"]
    assert '"reply"' in system["content"]


def test_required_allows_no_reply() -> None:
    body = tools.constrain(ASK | {"tool_choice": "required"})
    assert [schema["properties"]["tool"] for schema in schema_of(body)["anyOf"]] == [
        {"const": "weather"},
        {"const": "clock"},
    ]
    assert '"reply"' not in body["messages"][0]["content"]


def test_a_named_tool_is_the_only_one() -> None:
    body = tools.constrain(ASK | {"tool_choice": {"type": "function", "function": {"name": "weather"}}})
    assert schema_of(body)["properties"] == {"tool": {"const": "weather"}, "arguments": CITY}
    assert "clock" not in body["messages"][0]["content"]


def test_a_template_that_shows_tools_goes_on_showing_them() -> None:
    body = tools.require(ASK | {"tool_choice": "required", "parallel_tool_calls": True})
    assert body["tools"] == [WEATHER, CLOCK]
    assert body["messages"] == ASK["messages"]
    assert not {"tool_choice", "parallel_tool_calls"} & set(body)
    assert [schema["properties"]["name"]["const"] for schema in schema_of(body)["anyOf"]] == ["weather", "clock"]


def test_a_schema_that_points_into_itself_still_finds_its_parts() -> None:
    inner = {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "$defs": {"X": {"type": "integer"}}}
    body = tools.constrain(ASK | {"tools": [function("a/b", inner), WEATHER], "tool_choice": "required"})
    schema = schema_of(body)
    assert schema["anyOf"][0]["properties"]["arguments"] == {"$ref": "#/$defs/a~1b"}
    assert schema["anyOf"][1]["properties"]["arguments"] == CITY
    assert schema["$defs"]["a/b"]["properties"]["x"] == {"$ref": "#/$defs/a~1b/$defs/X"}
    assert inner["properties"] == {"x": {"$ref": "#/$defs/X"}}  # what was given is left as it was


def test_the_instruction_joins_the_callers_own_system_prompt() -> None:
    body = tools.constrain(
        ASK | {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]}
    )
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\n")


def test_earlier_calls_and_results_are_shown_as_text() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    said = [
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    ]
    shown = tools.constrain(ASK | {"messages": said})["messages"][1:]
    assert shown[1] == {"role": "assistant", "content": '{"tool": "weather", "arguments": {"city": "Rome"}}'}
    assert shown[2]["role"] == "user"
    assert "sunny" in shown[2]["content"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": "x"},
        {"tools": []},
        {"tools": [5]},
        {"tools": [{"function": 5}]},
        {"tools": [{"function": {"name": 5}}]},
        {"tools": [function("f", 5)]},
        {"tools": [function("f", [1])]},
        {"messages": "x"},
        {"messages": [5]},
        {"messages": [{"role": "assistant", "tool_calls": "x"}]},
        {"messages": [{"role": "assistant", "tool_calls": [5]}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]},
        {"tool_choice": "sometimes"},
        {"tool_choice": {"function": 5}},
        {"tool_choice": {"type": "function", "function": {"name": "nothing"}}},
        {"response_format": {"type": "json_object"}},
        {"response_format": "json"},
        {"grammar": "root ::= x"},
    ],
)
def test_what_is_malformed_is_refused(wrong: Chunk) -> None:
    with pytest.raises(BadRequest):
        tools.constrain(ASK | wrong)


async def restored(text: str, size: int, finish: str = "stop") -> tuple[str, list[Chunk], str]:
    async def chunks() -> AsyncIterator[Chunk]:
        yield {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}, "finish_reason": None}]}
        for at in range(0, len(text), size):
            yield {"choices": [{"index": 0, "delta": {"content": text[at : at + size]}, "finish_reason": None}]}
        yield {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
        yield {"choices": [], "usage": {"total_tokens": 1}}

    said, calls, ended, last = "", [], "", {}
    async for chunk in tools.restore(chunks()):
        last = chunk
        for choice in chunk["choices"]:
            said += choice["delta"].get("content") or ""
            calls += choice["delta"].get("tool_calls", [])
            ended = choice["finish_reason"] or ended
    assert last["usage"] == {"total_tokens": 1}
    return said, calls, ended


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_a_reply_is_unwrapped_as_it_comes(size: int) -> None:
    text = 'He said: "hi"\n\\ {"tool": 1} \u4f60\u597d \U0001f600 end'
    for ascii_only in (True, False):
        for space in ("", " ", "\n  "):
            wrapped = f'{space}{{{space}"reply"{space}:{space}{json.dumps(text, ensure_ascii=ascii_only)}{space}}}'
            assert await restored(wrapped, size) == (text, [], "stop")


@pytest.mark.parametrize("key", ["tool", "name"])
@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_a_call_is_one_call_with_an_id(key: str, size: int) -> None:
    said, calls, ended = await restored(json.dumps({key: "weather", "arguments": {"city": "Köln"}}), size)
    assert (said, ended) == ("", "tool_calls")
    assert calls[0]["function"] == {"name": "weather", "arguments": '{"city": "Köln"}'}
    assert calls[0]["id"].startswith("call_")
    assert calls[0]["index"] == 0


@pytest.mark.parametrize("text", ['{"tool": "weather", "argu', '{"re', "{"])
async def test_what_was_cut_off_is_shown_and_is_no_call(text: str) -> None:
    assert await restored(text, 2, "length") == (text, [], "length")


async def test_a_reply_that_was_cut_off_is_what_there_is() -> None:
    assert await restored('{"reply": "half of it', 4, "length") == ("half of it", [], "length")
    assert await restored('{"reply": "half \\u00', 1, "length") == ("half ", [], "length")


@pytest.mark.parametrize("size", [1, 4, 1000])
async def test_half_a_surrogate_pair_never_comes_out(size: int) -> None:
    said, _, _ = await restored('{"reply": "a\\ud83d\\ude00b\\ud83dc\\ud83d"}', size)
    assert said == "a\U0001f600b\ufffdc\ufffd"
    _, calls, _ = await restored('{"tool": "f", "arguments": {"x": "\\ud83d"}}', size)
    json.dumps(calls, ensure_ascii=False).encode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(1, 6), st.booleans())
def test_any_text_is_read_whole_however_it_was_cut(text: str, size: int, ascii_only: bool) -> None:
    wrapped = '{"reply": ' + json.dumps(text, ensure_ascii=ascii_only) + "}"
    reader = tools.ReplyReader()
    assert "".join(reader.feed(wrapped[at : at + size]) for at in range(0, len(wrapped), size)) == text
    assert reader.is_reply


def test_a_long_reply_takes_time_in_proportion() -> None:
    """Each piece is read once: eight times the text must not take sixty-four times as long."""

    def spent(pieces: int) -> float:
        reader = tools.ReplyReader()
        begun = time.perf_counter()
        reader.feed('{"reply": "')
        for _ in range(pieces):
            reader.feed("word ")
        return time.perf_counter() - begun

    assert spent(40_000) < 25 * max(spent(5_000), 0.002)
