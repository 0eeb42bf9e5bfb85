"""Talking on a terminal: history, several lines, slash commands, Ctrl-C and Ctrl-D."""

from __future__ import annotations

import pytest

from homeroom.cli.conversation import open_quotes, unquoted
from support.commands import Running, Terminal


@pytest.mark.parametrize(
    ("typed", "is_open"),
    [("hi", False), ('"""', True), ('"""a\nb', True), ('"""a\nb"""', False), ('""""""', False), ("", False)],
)
def test_quotes_hold_a_text_open(typed: str, is_open: bool) -> None:
    assert open_quotes(typed) is is_open


@pytest.mark.parametrize(
    ("typed", "prompt"), [(" hi ", "hi"), ('"""one\ntwo"""', "one\ntwo"), ('"""\none\n"""', "one"), ('"""', '"""')]
)
def test_quotes_are_taken_off(typed: str, prompt: str) -> None:
    assert unquoted(typed) == prompt


def test_a_conversation(gateway: Running) -> None:
    with Terminal(gateway.home, "run", "starter", "-v", "--temperature", "0", "--max-tokens", "12") as terminal:
        terminal.expect("/help tells the commands")
        terminal.expect(">>>")
        terminal.send("Say hello\r")
        first = terminal.expect(r"prompt (\d+) tokens.*\n")
        terminal.expect(">>>")
        terminal.send('"""one\rtwo"""\r')
        second = terminal.expect(r"prompt (\d+) tokens.*\n")
        assert tokens(second) > tokens(first) + 12  # what was said before goes with it
        terminal.expect(">>>")
        commands = {"/clear": "begins anew", "/system Be brief.": "is set", "/show": "architecture", "/x": "no /x"}
        for typed, told in commands.items():
            terminal.send(f"{typed}\r")
            terminal.expect(told)
            terminal.expect(">>>")
        terminal.send("/help\r")
        terminal.expect("/bye")
        terminal.expect(">>>")
        terminal.send("\x04")
        assert terminal.ended() == 0
    history = gateway.home / "history"
    assert "Say hello" in history.read_text() and history.stat().st_mode & 0o777 == 0o600


def test_ctrl_c_stops_the_answer_and_not_the_program(gateway: Running) -> None:
    with Terminal(gateway.home, "run", "starter", "--temperature", "0") as terminal:
        terminal.expect(">>>")
        terminal.send("Write a very long story about a dragon and a knight.\r")
        terminal.expect(r"100%\s+\w+ \w+ ")  # the answer has begun
        terminal.send("\x03")
        terminal.expect(r"\(stopped\)")
        terminal.expect(">>>")
        terminal.send("\x03")
        terminal.expect("Ctrl-D or /bye leaves")
        terminal.expect(">>>")
        terminal.send("/bye\r")
        assert terminal.ended() == 0


def test_in_chinese(gateway: Running) -> None:
    with Terminal(gateway.home, "run", "starter", "--lang", "zh", "--max-tokens", "3") as terminal:
        terminal.expect("Ctrl-D 退出")
        terminal.expect(">>>")
        terminal.send("你好\r")
        terminal.expect("达到上限")
        terminal.send("/bye\r")
        assert terminal.ended() == 0


def tokens(shown: str) -> int:
    return int(shown.rpartition("prompt ")[2].split()[0])
