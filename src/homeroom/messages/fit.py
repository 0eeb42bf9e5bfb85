"""Sentences of the verdicts: what fits, what does not, and why."""

MESSAGES: dict[str, tuple[str, str]] = {
    "fit.fits": (
        "It needs {needed} and {usable} of the {free} of free memory may be used.",
        "需要 {needed};{free} 空闲内存中可用 {usable}。",
    ),
    "fit.too_big": (
        "It needs {needed}, and only {usable} of the {free} of free memory may be used.",
        "需要 {needed}，而 {free} 空闲内存中只有 {usable} 可用。",
    ),
    "fit.too_big.next": (
        "Ask for less context (--ctx 2048), end what you do not need (homeroom stop), or take a smaller model: "
        "homeroom list",
        "请减小上下文（--ctx 2048）、结束不需要的模型（homeroom stop），或选择更小的模型：homeroom list",
    ),
    "fit.bad_ask": (
        "{name} must be 1 or more and is {value}.",
        "{name} 必须不小于 1，实际为 {value}。",
    ),
    "fit.bad_ask.next": (
        "See what can be asked with: homeroom serve --help",
        "查看可用选项：homeroom serve --help",
    ),
}
