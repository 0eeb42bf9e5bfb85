"""Sentences that tell why a model was chosen (``engine/choose.py``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "choose.only": ("the only model on this machine", "本机唯一的模型"),
    "choose.best.chat": (
        "the largest that can chat and fits {free} of free memory ({fitting} of {count} models here fit)",
        "能对话且适合 {free} 空闲内存的最大模型（本机 {count} 个模型中有 {fitting} 个放得下）",
    ),
    "choose.best.complete": (
        "no model here that can chat fits {free} of free memory; this is the largest that completes text "
        "({fitting} of {count} fit)",
        "没有能对话且适合 {free} 空闲内存的模型；这是放得下的最大续写模型（{count} 个中有 {fitting} 个放得下）",
    ),
    "choose.best.embed": (
        "only embedding models fit {free} of free memory; this is the largest ({fitting} of {count} fit)",
        "只有嵌入模型适合 {free} 空闲内存；这是其中最大的（{count} 个中有 {fitting} 个放得下）",
    ),
    "choose.named": ("named by {origin}", "由 {origin} 指定"),
    "choose.pulled": ("the starter model, because no model that fits was here", "入门模型，因为本机没有放得下的模型"),
}
