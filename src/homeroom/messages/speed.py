"""How fast a model is: where the figures come from, and measuring them (``homeroom bench``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "speed.calibrated": (
        "from rates measured on this machine on {date}",
        "根据 {date} 在本机测得的速率推算",
    ),
    "speed.table": (
        "memory bandwidth x what engines reach of it ({low} to {high})",
        "内存带宽 × 引擎通常能达到的比例（{low} 到 {high}）",
    ),
    "speed.measured": ("measured on this machine now", "刚刚在本机实测"),
}
