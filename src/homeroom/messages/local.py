"""Sentences about the one gateway of a home (``engine/local.py``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "local.held": (
        "Another gateway of the home {home} is starting, or runs and does not answer.",
        "主目录 {home} 的另一个网关正在启动，或正在运行但没有响应。",
    ),
    "local.held.next": (
        "See it with homeroom ps, end it with homeroom stop --all, or use another home: HOMEROOM_HOME=FOLDER homeroom up",
        "用 homeroom ps 查看，用 homeroom stop --all 结束，或换一个主目录：HOMEROOM_HOME=FOLDER homeroom up",
    ),
}
