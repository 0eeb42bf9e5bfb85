"""The three forms of what a command says, what a stream can show, and how a run ends."""

from __future__ import annotations

import io
import json

import click
import pytest

from homeroom import text
from homeroom.cli.failures import explain
from homeroom.cli.output import Output, Wants
from homeroom.cli.tables import Facts, Table
from homeroom.errors import DoesNotFit, Interrupted, PortTaken, UnknownModel

TABLE = Table(("NAME", "SIZE"), (("starter", "98.4 MB"), ("大模型", "1.0 GB")), frozenset({1}))


def said(wants: Wants, encoding: str = "utf-8") -> tuple[str, str, Output]:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n") for _ in range(2))
    output = Output(wants, out, err)
    output.show({"名": 1}, [TABLE, "✓ done…"], ["starter", "大模型"])
    output.say("a note")
    output.warn("a warning")
    output.flush()
    return (
        out.buffer.getvalue().decode(encoding),
        err.buffer.getvalue().decode(encoding),
        output,
    )


def test_for_people() -> None:
    out, err, _ = said(Wants())
    assert out == "NAME        SIZE\nstarter  98.4 MB\n大模型    1.0 GB\n✓ done…\n"
    assert err == "a note\nWarning: a warning\n"


def test_as_json() -> None:
    out, err, _ = said(Wants(json=True))
    assert (json.loads(out), err) == ({"名": 1}, "a note\nWarning: a warning\n")


def test_quiet() -> None:
    assert said(Wants(quiet=True))[:2] == ("starter\n大模型\n", "Warning: a warning\n")


def test_signs_that_an_encoding_lacks_become_ascii() -> None:
    out, _, _ = said(Wants(), "ascii")
    assert out.endswith("[OK] done...\n")


def test_json_is_readable_in_any_encoding() -> None:
    out, _, _ = said(Wants(json=True), "ascii")
    assert out.isascii() and json.loads(out) == {"名": 1}


def test_facts_align_in_chinese() -> None:
    out = io.StringIO()
    Output(Wants(), out, io.StringIO()).show({}, [Facts("题", (("上下文", "1", "x"), ("KV", "22", "y")))])
    assert out.getvalue() == "题\n  上下文  1   x\n  KV      22  y\n"


def test_markup_in_a_cell_is_only_text() -> None:
    out = io.StringIO()
    Output(Wants(), out, io.StringIO()).show({}, [Table(("A",), (("[red]:smile:[/red]",),))])
    assert "[red]:smile:[/red]" in out.getvalue()


@pytest.mark.parametrize(
    ("caught", "code", "name"),
    [
        (UnknownModel("models.unknown", model="x"), 2, "model_not_found"),
        (DoesNotFit("engine.does_not_fit", name="x", context=1, needed="2", free="1", usable="1"), 1, "does_not_fit"),
        (PortTaken("gateway.port_taken", host="h", port=1, other=2), 3, "port_taken"),
        (Interrupted("cli.interrupted"), 130, "interrupted"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (click.UsageError("odd"), 2, "usage"),
        (FileNotFoundError(2, "no such file", "/x"), 3, "store"),
        (OSError(28, "full", "/x"), 3, "disk_full"),
        (ZeroDivisionError("oops"), 3, "defect"),
        (BrokenPipeError(), 0, None),
    ],
)
def test_how_a_run_ends(caught: BaseException, code: int, name: str | None) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert Output(Wants(json=True), out, err).fail(caught) == code
    if name is None:
        assert out.getvalue() == err.getvalue() == ""
    else:
        told = json.loads(out.getvalue())["error"]
        assert told["code"] == name
        assert told["message"] in err.getvalue() and (told["next"] or "") in err.getvalue()


def test_only_verbose_shows_where_a_defect_is() -> None:
    for verbose in (False, True):
        err = io.StringIO()
        Output(Wants(verbose=verbose), io.StringIO(), err).fail(ZeroDivisionError("oops"))
        assert ("Traceback" in err.getvalue() or "ZeroDivisionError: oops\nError" in err.getvalue()) is verbose
        assert "homeroom doctor" in err.getvalue()


def test_every_error_is_told_in_chinese_too() -> None:
    text.set_language("zh")
    try:
        assert "缺陷" in explain(ZeroDivisionError()).message
        assert explain(KeyboardInterrupt()).message == "已中断。"
    finally:
        text.set_language("en")
