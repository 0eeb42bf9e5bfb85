"""``bench``: a model measured, the processor calibrated, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from homeroom.fit.calibration import from_row
from support.commands import MakeHome, cli


def test_a_model_is_measured(home: Path) -> None:
    people, data = (cli(home, "bench", "starter", *more) for more in ((), ("--json",)))
    assert people.code == data.code == 0, people.err + data.err
    assert data.json["model"] == "starter" and data.json["basis"] == "measured" and data.json["threads"] == 1
    for row in data.json["rows"]:
        assert 0 < row["decode"]["low"] <= row["decode"]["expected"] <= row["decode"]["high"]
        assert row["prefill"]["expected"] > 0 and row["predicted"] is None
    assert [row["depth"] for row in data.json["rows"]] == [128, 1024]
    for words in ("starter (Q4_1) after 1,024 tokens", "tokens/s", "homeroom bench --calibrate"):
        assert words in people.out


def test_the_processor_is_calibrated_and_fit_uses_it(make_home: MakeHome) -> None:
    home = make_home()
    done = cli(home, "bench", "--calibrate", "--json")
    assert done.code == 0, done.err
    assert Path(done.json["path"]) == home / "calibration.json"
    assert from_row(json.loads((home / "calibration.json").read_text())) == from_row(done.json)
    assert done.json["types"][0]["name"] == "Q4_K" and len(done.json["types"]) >= 2
    shown = cli(home, "fit", "starter", "--json")
    assert shown.json["speed"]["basis"] == "calibrated", shown.out


def test_what_is_refused(home: Path, tmp_path: Path) -> None:
    both = cli(home, "bench", "starter", "--calibrate")
    assert both.code == 2 and "homeroom bench starter" in both.err
    nothing = cli(tmp_path, "bench")
    assert nothing.code == 2 and "homeroom pull starter" in nothing.err
    assert cli(home, "bench", "no-such-model").code == 2
    assert "没有可测量的模型" in cli(tmp_path, "bench", "--lang", "zh").err
