"""``homeroom doctor``: a report ready to paste, with what is wrong and the command that mends it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.cli.words import yes_no

if TYPE_CHECKING:
    from homeroom.cli.tables import Block, Facts
    from homeroom.gateway.checkup import Report
    from homeroom.hardware.device import Device


@grammar.command("doctor")
@grammar.option("--network", is_flag=True, key="help.option.network")
def command(out: Output, network: bool) -> int:
    """Exit 0 where all is well, 1 where something is wrong."""
    from homeroom.cli.running import run_async
    from homeroom.gateway.checkup import examine

    report = run_async(examine(network=network))
    report.settings = _in_force(report)
    out.show(report.row(), _page(report), [problem.message for problem in report.problems])
    return 1 if report.problems else 0


def _in_force(report: Report) -> tuple[tuple[str, str, str], ...]:
    """The report's settings: lists of words as they are typed, and the servers that are asked where no setting says it.

    One that is no address is a problem of the report.
    """
    from homeroom.errors import SettingsError
    from homeroom.models.addresses import shown
    from homeroom.models.hub_names import DEFAULTS, endpoints

    given = {name: value for name, value, _ in report.settings}
    names = {"hf_endpoint": "hf", "modelscope_endpoint": "ms", "ollama_registry": "ollama"}
    rows = []
    try:
        ends = endpoints(given["hf_endpoint"], given["modelscope_endpoint"], given["ollama_registry"])
    except SettingsError as error:
        report.problems.append(error)
        ends = None
    for name, value, origin in report.settings:
        if name in ("sources", "stores"):
            value = value.replace(os.pathsep, ",") or "none"
        elif name in names and ends is not None:
            if not value.strip() and getattr(ends, names[name]) != DEFAULTS[names[name]]:
                origin = "environment"
            value = shown(getattr(ends, names[name]))
        elif name in names:
            value = shown(value)
        rows.append((name, value, origin))
    return tuple(rows)


def _page(report: Report) -> list[Block]:
    machine = report.machine
    memory = text.t("cli.doctor.memory", total=text.size(machine.memory_total), free=text.size(machine.memory_free))
    if machine.limited_by:
        memory = text.t("cli.beside", words=memory, more=machine.limited_by)
    engine = [("xllamacpp", report.engine.version or "-")]
    engine += [(text.t("cli.label.device"), device) for device in report.engine.devices]
    engine += [(text.t("cli.label.build"), report.engine.system)] if report.engine.system else []
    folders = [
        (
            folder.name,
            str(folder.path),
            folder.mode,
            text.size(folder.bytes),
            text.t("cli.free", size=text.size(folder.free)),
        )
        for folder in report.folders
    ]
    blocks: list[Block] = [
        _facts("versions", list(report.versions.items())),
        _facts("engine", engine),
        _facts(
            "machine",
            [
                (text.t("cli.label.processor"), machine.processor),
                (text.t("cli.label.cores"), f"{machine.cores} / {machine.threads}"),
                (text.t("cli.label.memory"), memory),
                (text.t("cli.label.vectors"), " ".join(machine.features) or "-"),
                *((text.t("cli.label.device"), _device(device)) for device in machine.devices),
                *((text.t("cli.label.note"), str(note)) for note in machine.notes),
            ],
        ),
        _facts("folders", folders),
        _facts("settings", [(name, value or "-", origin) for name, value, origin in report.settings]),
        _facts("gateway", [(text.t("cli.label.state"), _gateway(report))]),
        _facts("models", [(name, text.size(size)) for name, size in report.models] or [(text.t("cli.list.none"),)]),
    ]
    if report.indexes is not None:
        blocks.append(_facts("network", [(index.address, index.answer) for index in report.indexes]))
    if not report.problems:
        return [*blocks, text.t("cli.doctor.well")]
    blocks.append(text.t("cli.doctor.problems", count=len(report.problems)))
    for problem in report.problems:
        blocks.append(f"✗ {problem.message}" + (f"\n  {problem.next}" if problem.next else ""))
    return blocks


def _device(device: Device) -> str:
    memory = text.t("cli.doctor.memory", total=text.size(device.memory_total), free=text.size(device.memory_free))
    return ", ".join(part for part in (device.name, device.kind, memory, device.link, device.driver) if part)


def _facts(name: str, rows: Sequence[tuple[str, ...]]) -> Facts:
    from homeroom.cli.tables import Facts

    return Facts(text.t(f"cli.doctor.{name}"), tuple(rows))


def _gateway(report: Report) -> str:
    if report.gateway is not None:
        return text.t("cli.ps.gateway", url=report.gateway.base_url, pid=report.gateway.pid)
    return text.t("cli.doctor.no_gateway", free=yes_no(bool(report.port_free)))
