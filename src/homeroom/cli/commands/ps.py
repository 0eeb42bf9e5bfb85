"""``homeroom ps``: the engines of the running gateway, with every choice and its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeroom import text
from homeroom.cli import grammar
from homeroom.cli.output import Output
from homeroom.settings import load

if TYPE_CHECKING:
    from homeroom.cli.tables import Block


@grammar.command("ps")
def command(out: Output) -> int:
    """No gateway is an answer too, not a failure: exit 0 and an empty list."""
    from homeroom.cli.running import run_async

    status = run_async(_status())
    gateway, engines = status["gateway"], status["engines"]
    if gateway is None:
        out.show(status, [text.t("cli.ps.no_gateway")], [])
        return 0
    blocks: list[Block] = [text.t("cli.ps.gateway", url=gateway["base_url"], pid=gateway["pid"])]
    blocks += [_engine(engine) for engine in engines] or [text.t("cli.ps.nothing_loaded")]
    out.show(status, blocks, [engine["model"] for engine in engines])
    return 0


async def _status() -> dict[str, Any]:
    from homeroom.engine.local import find_gateway
    from homeroom.gateway import control

    running = await find_gateway(load().home)
    if running is None:
        return {"gateway": None, "engines": []}
    status = await control.status(running)
    # The setting may be port 0; this is where it really is.
    status["gateway"] |= {"base_url": running.base_url}
    return status


def _engine(engine: dict[str, Any]) -> Block:
    from homeroom.cli.commands.show import figure
    from homeroom.cli.tables import Facts

    rows = [("state", _state(engine), "")]
    if "pid" in engine:
        rows += [
            ("process", str(engine["pid"]), engine["engine"]),
            ("loaded_at", engine["loaded_at"], text.t("cli.ps.took", took=text.duration(engine["load_seconds"]))),
            ("memory_now", text.size(engine["memory_resident"]), ""),
        ]
    rows.append(
        ("memory_plan", text.size(engine["memory"]["total"]), text.t(f"cli.ps.basis.{engine['memory']['basis']}"))
    )
    facts = tuple((text.t(f"cli.label.{name}"), value, remark) for name, value, remark in rows)
    choices = tuple(
        (text.t(f"cli.choice.{name}"), figure(choice["value"]), _reason(choice))
        for name, choice in engine["choices"].items()
    )
    purpose = text.t(f"cli.purpose.{engine['purpose']}")
    return Facts("\n" + text.t("cli.beside", words=engine["model"], more=purpose), facts + choices)


def _reason(choice: dict[str, Any]) -> str:
    """The reason in this command's language; the gateway may speak another."""
    return text.t(choice["reason_key"], **choice["reason_facts"])


def _state(engine: dict[str, Any]) -> str:
    if engine["state"] == "loading":
        return text.t("cli.state.loading", percent=f"{engine['loaded']:.0%}")
    if engine["state"] == "busy":
        return text.t("cli.state.busy", requests=engine["requests"])
    return text.t("cli.state.idle")
