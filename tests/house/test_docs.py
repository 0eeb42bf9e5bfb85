"""The documentation: every command, flag, setting, route and name is in it, and nothing that is not there any more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from homeroom.gateway.app import ROUTES
from homeroom.settings import SETTINGS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md")])


def test_the_generated_pages_are_what_the_program_says() -> None:
    """docs/commands.md holds each command's whole help page, so every command and flag; docs/settings.md every setting."""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, env=environment
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("page", ["settings.md", "settings.zh.md"])
def test_every_setting_is_documented(page: str) -> None:
    content = (DOCS / page).read_text(encoding="utf-8")
    assert [setting.name for setting in SETTINGS if f"`{setting.env}`" not in content] == []


def test_the_routes_that_are_documented_are_those_that_are_served() -> None:
    listed = set(
        re.findall(r"^\| `(GET|POST|DELETE) ([^`]+)` \| (inference|admin) ", (DOCS / "api.md").read_text("utf-8"), re.M)
    )
    served = {
        (method, path if not path.endswith("*") else path.removesuffix("*") + "{}", right)
        for (method, path), (right, _) in ROUTES.items()
    }
    assert {(method, re.sub(r"\{.*\}", "{}", path), right) for method, path, right in listed} == served


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_file_tree_in_the_readme_is_the_tree(page: str) -> None:
    """Every file named there exists, and every floor and top-level folder is named."""
    content = (ROOT / page).read_text(encoding="utf-8")
    tree = content[content.index("src/homeroom/") :]
    for name in ("cli/", "gateway/", "engine/", "fit/", "models/", "hardware/", "messages/"):
        assert name in tree
        assert (ROOT / "src" / "homeroom" / name).is_dir()
    for name in re.findall(r"^ +([a-z_]+\.py)", tree, re.M):
        assert list((ROOT / "src" / "homeroom").rglob(name)), name


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_commands_in_the_readme_exist(page: str) -> None:
    from homeroom.cli.app import COMMANDS

    named = set(
        re.findall(r"\bhomeroom ([a-z]+)\b", re.sub(r"[^\x00-\x7f]", " ", (ROOT / page).read_text(encoding="utf-8")))
    )
    assert set(COMMANDS) <= named
