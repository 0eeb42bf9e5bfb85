"""Standard output as it really is: a terminal, a pipe that closes early, a full disk, an encoding without Chinese."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from support.commands import HOMEROOM, Running, Terminal, cli, end, environment, start


def shell(line: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = line.replace("homeroom", shlex.join(HOMEROOM))
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment(home), timeout=60)


@pytest.mark.parametrize("command", ["list", "--help", "doctor", "completion bash", "list --json"])
def test_a_reader_that_leaves_is_no_error(command: str, home: Path) -> None:
    done = shell(f"homeroom {command} | true; exit ${{PIPESTATUS[0]}}", home)
    assert (done.returncode, done.stderr) in ((0, ""), (1, "")) if command == "doctor" else (0, "")
    assert done.stderr == ""


def test_a_reader_that_leaves_in_the_middle_of_an_answer(gateway: Running) -> None:
    done = shell("homeroom run starter Tell a long story | head -c 10; exit ${PIPESTATUS[0]}", gateway.home)
    assert (done.returncode, done.stderr) == (0, "") and len(done.stdout) == 10


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk(home: Path) -> None:
    done = shell("homeroom list --json > /dev/full", home)
    assert done.returncode == 3 and "disk is full" in done.stderr and "Traceback" not in done.stderr


def test_colours_on_a_terminal_and_not_with_no_color(home: Path) -> None:
    for more, colour in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        with Terminal(home, "list", **more) as terminal:
            assert terminal.ended() == 0
            assert ("\x1b[1m" in terminal.raw) is colour
            assert "yes, needs" in terminal.raw


def test_json_on_a_terminal_is_indented_and_in_a_pipe_one_line(home: Path) -> None:
    with Terminal(home, "list", "--json") as terminal:
        terminal.expect('{\r\n  "models": ')
    assert cli(home, "--json", "list").out.count("\n") == 1


def test_ascii(home: Path) -> None:
    told = cli(home, "doctor", HOMEROOM_PORT="0", PYTHONIOENCODING="ascii", HOMEROOM_LANG="zh")
    assert told.out.endswith("[OK] Nothing is wrong.\n")


def test_ctrl_c_in_the_middle_of_an_answer(home: Path) -> None:
    """The engine that ``run`` started goes with it."""
    process = start(home, "run", "starter", "Tell a long story about a dragon")
    assert process.stdout is not None and process.stdout.read(20)
    ended = end(process)
    assert ended.code == 130 and "Interrupted" in ended.err


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = cli(tmp_path / "file" / "home", "keys", "add", "x")
    assert told.code in (2, 3) and "Next: " in told.err and "Traceback" not in told.err


def test_nothing_reads_the_terminal_in_a_script(home: Path) -> None:
    """Without a terminal no question is asked: a model that is not here is an error at once."""
    told = cli(home, "run", "nope", "hi", stdin="y\n")
    assert told.code == 2 and "[y/N]" not in told.err
    assert os.environ.get("HOMEROOM_HOME") != str(home)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("command", "code"), [("list", 0), ("list --json", 0), ("nonsense", 2), ("--version", 0)])
def test_a_stream_that_is_closed(command: str, code: int, closed: str, home: Path) -> None:
    done = shell(f"homeroom {command} {closed}", home)
    assert done.returncode == code and "Traceback" not in done.stderr
