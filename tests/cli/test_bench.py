"""``bench``: a model measured, the processor calibrated, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from homeroom import settings
from homeroom.cli.app import run
from homeroom.engine import calibrate
from homeroom.fit.ask import Ask
from homeroom.fit.calibration import from_row, load
from homeroom.fit.verdict import assess
from homeroom.hardware import machine
from homeroom.models.library import Library
from support.commands import MakeHome, cli


def test_a_model_is_measured(home: Path) -> None:
    people, data = (cli(home, "bench", "starter", *more, HOMEROOM_CTX="384") for more in ((), ("--json",)))
    assert people.code == data.code == 0, people.err + data.err
    assert data.json["model"] == "starter" and data.json["basis"] == "measured" and data.json["threads"] == 1
    (row,) = data.json["rows"]  # a context of 384 does not hold the longer prompt
    assert row["depth"] == 128 and row["predicted"] is None and row["prefill"]["expected"] > 0
    assert 0 < row["decode"]["low"] <= row["decode"]["expected"] <= row["decode"]["high"]
    for words in ("starter (Q4_1) after 128 tokens", "tokens/s", "homeroom bench --calibrate"):
        assert words in people.out


def test_the_processor_is_calibrated_and_later_commands_use_it(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ``homeroom bench --calibrate --json``, cut short and on one core: others are busy where tests run."""
    home, one_core = make_home(), replace(machine.detect(), cores=1)
    monkeypatch.setenv("HOMEROOM_HOME", str(home))
    monkeypatch.setattr(machine, "detect", lambda: one_core)
    monkeypatch.setattr(calibrate, "SECONDS", 1.0)
    monkeypatch.setattr(calibrate, "DEPTH", 512)
    assert run(["bench", "--calibrate", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["path"]) == home / "calibration.json"
    kept = load(home, one_core)
    assert kept == from_row(told) and kept is not None
    assert [rate.name for rate in kept.types] == ["Q4_K", "Q6_K", "Q8_0"]
    facts = Library(settings.load()).find("starter")
    ask = Ask(context=256, batch=8)
    verdict = assess(facts, one_core, ask, calibration=kept)
    assert verdict.speed is not None and verdict.speed.basis == "calibrated" and verdict.speed.prefill is not None


def test_what_is_refused(home: Path, tmp_path: Path) -> None:
    both = cli(home, "bench", "starter", "--calibrate")
    assert both.code == 2 and "homeroom bench starter" in both.err
    nothing = cli(tmp_path, "bench")
    assert nothing.code == 2 and "homeroom pull starter" in nothing.err
    assert cli(home, "bench", "no-such-model").code == 2
    assert "没有可测量的模型" in cli(tmp_path, "bench", "--lang", "zh").err
