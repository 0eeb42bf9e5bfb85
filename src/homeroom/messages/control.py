"""Sentences about reaching the running gateway (``gateway/control.py``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "control.none": ("No gateway of {home} is running.", "{home} 没有正在运行的网关。"),
    "control.none.next": (
        "Start one with: homeroom up (or in the background: homeroom serve --background)",
        "启动网关：homeroom up（或在后台运行：homeroom serve --background）",
    ),
    "control.gone": ("The gateway at {url} ended before it answered.", "网关 {url} 在应答前已结束。"),
    "control.gone.next": (
        "Start it again with: homeroom up. What happened: homeroom doctor",
        "重新启动：homeroom up；查看原因：homeroom doctor",
    ),
    "control.stays": (
        "The gateway (process {pid}) is still running {seconds} s after it was asked to end.",
        "网关（进程 {pid})在收到停止请求 {seconds} 秒后仍在运行。",
    ),
    "control.stays.next": ("End it with: kill {pid}", "结束它：kill {pid}"),
}
