"""Sentences about a gateway in the background (``gateway/background.py``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "background.windows": ("serve --background does not work on Windows.", "Windows 不支持 serve --background。"),
    "background.windows.next": ("Use: homeroom serve", "请使用：homeroom serve"),
    "background.silent": (
        "The gateway did not answer within {seconds} s, and was ended.",
        "网关在 {seconds} 秒内没有应答，已被结束。",
    ),
    "background.silent.next": (
        "Read {log}, or see it start with: homeroom serve",
        "请查看 {log}，或直接运行：homeroom serve",
    ),
    "background.ended": ("The gateway ended at once: {reason}.", "网关启动后立即结束：{reason}。"),
    "background.ended.next": (
        "The whole log is {log}. More: homeroom doctor",
        "完整日志：{log}；诊断：homeroom doctor",
    ),
}
