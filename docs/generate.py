"""Writes docs/commands.md, docs/commands.zh.md, docs/settings.md and docs/settings.zh.md from the program itself.

    python docs/generate.py            write them
    python docs/generate.py --check    exit 1 if one of them differs from what would be written

The command pages are the help pages word for word; the settings page is ``settings.SETTINGS`` with the catalogue's words.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from homeroom import text
from homeroom.cli.app import root
from homeroom.settings import SETTINGS
from homeroom.text import Language

DOCS = Path(__file__).parent
WIDTH = 100
INTRO: dict[Language, str] = {
    "en": "# Commands\n\nThe help pages, word for word. Written by `python docs/generate.py`; do not edit.\n",
    "zh": "# 命令\n\n以下为逐字的帮助页面。由 `python docs/generate.py` 生成，请勿手工编辑。\n",
}
SETTINGS_INTRO: dict[Language, str] = {
    "en": (
        "# Settings\n\nEvery setting has one name: as a flag of the commands that heed it, in the environment, and in `config.toml` in the "
        "home folder.\nA flag beats the environment, which beats the file, which beats the default. `HOMEROOM_HOME` moves the home "
        "folder.\nWritten by `python docs/generate.py`; do not edit.\n\n| config.toml | environment | flag | allowed | meaning |\n"
        "|---|---|---|---|---|\n"
    ),
    "zh": (
        "# 设置\n\n每个设置只有一个名称：既是相关命令的选项，也可写在环境变量或主目录的 `config.toml` 中。\n"
        "选项优先于环境变量，环境变量优先于文件，文件优先于默认值。`HOMEROOM_HOME` 可移动主目录。\n"
        "由 `python docs/generate.py` 生成，请勿手工编辑。\n\n| config.toml | 环境变量 | 选项 | 允许的值 | 含义 |\n"
        "|---|---|---|---|---|\n"
    ),
}


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Each command's full name and help page, parents first."""
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(
                child, child.context_class(child, info_name=name, parent=context, max_content_width=WIDTH)
            )


def command_page(language: Language) -> str:
    """docs/commands.md in *language*."""
    text.set_language(language)
    top = root()
    context = top.context_class(top, info_name="homeroom", terminal_width=WIDTH, max_content_width=WIDTH)
    pages = [f"\n## {name}\n\n```\n{page.rstrip()}\n```\n" for name, page in commands(top, context)]
    return INTRO[language] + "".join(pages)


def settings_page(language: Language) -> str:
    """docs/settings.md in *language*."""
    text.set_language(language)
    rows = []
    for setting in SETTINGS:
        allowed = setting.allowed.replace("|", "\\|") or "-"
        meaning = text.t(f"settings.{setting.name}").replace("|", "\\|")
        rows.append(f"| `{setting.name}` | `{setting.env}` | `{setting.flag}` | {allowed} | {meaning} |\n")
    return SETTINGS_INTRO[language] + "".join(rows)


def pages() -> dict[Path, str]:
    """Every generated file and its content."""
    return {
        DOCS / "commands.md": command_page("en"),
        DOCS / "commands.zh.md": command_page("zh"),
        DOCS / "settings.md": settings_page("en"),
        DOCS / "settings.zh.md": settings_page("zh"),
    }


def main() -> int:
    stale = [path for path, page in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != page]
    if "--check" in sys.argv:
        sys.stderr.write("".join(f"{path.name} is stale: python docs/generate.py\n" for path in stale))
        return 1 if stale else 0
    for path, page in pages().items():
        path.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
