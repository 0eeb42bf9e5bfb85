"""Sentences of ``homeroom fit`` and ``homeroom show``: headings, remarks, and what the words of the field cost."""

MESSAGES: dict[str, tuple[str, str]] = {
    "advice.about": (
        "{title}, {parameters} parameters, {quantization} ({bits} bits per weight)",
        "{title}，{parameters} 参数，{quantization}（每个权重 {bits} 位）",
    ),
    "advice.memory": ("Memory:", "内存："),
    "advice.weights": ("weights", "权重"),
    "advice.kv_cache": ("KV cache", "KV 缓存"),
    "advice.compute": ("compute buffers", "计算缓冲"),
    "advice.overhead": ("process", "进程"),
    "advice.total": ("total", "合计"),
    "advice.tokens": (
        "{context} tokens for a request, {parallel} at a time, in {kv_type}",
        "每个请求 {context} 个 token，同时 {parallel} 个，精度 {kv_type}",
    ),
    "advice.batch": ("reads {batch} tokens of a prompt at once", "每次读取提示词的 {batch} 个 token"),
    "advice.basis.formula": (
        "by formula (within 1 % of the engine; --basis engine asks the engine itself)",
        "按公式计算（与引擎相差不超过 1 %；--basis engine 可直接询问引擎）",
    ),
    "advice.basis.engine": (
        "the engine's own figures, from the header alone",
        "引擎自己的数字，仅凭文件头得出",
    ),
    "advice.placement": ("Where it goes:", "分布："),
    "advice.layers": ("{layers} layers", "{layers} 层"),
    "advice.layers_experts": ("{layers} layers, the experts of {experts}", "{layers} 层，{experts} 层的专家"),
    "advice.no_layers": ("no layer: the input embedding and the process", "不含层：输入嵌入和进程"),
    "advice.total_placed_runtime": ("{more} more than above: the GPU's runtime", "比上面多 {more}：GPU 运行时"),
    "advice.total_placed": (
        "{more} more than above: each device has compute buffers, and a GPU its runtime",
        "比上面多 {more}：每个设备都有计算缓冲，GPU 还有自己的运行时",
    ),
    "advice.speed": ("Speed and context:", "速度与上下文："),
    "advice.decode_start": ("answers", "生成"),
    "advice.decode": ("answers at length", "长上下文生成"),
    "advice.decode_full": ("when all {context} tokens of context are in use", "{context} 个 token 的上下文全部用满时"),
    "advice.prefill": ("reads prompts", "读取提示词"),
    "advice.longest": ("longest context", "最长上下文"),
    "advice.no_context": ("none fits", "都放不下"),
    "advice.limit": ("the model's own limit is {limit}", "模型自身上限为 {limit}"),
    "advice.changes": ("What would have to change:", "需要改变什么："),
    "advice.speed_range": ("{expected} tokens/s ({low} to {high})", "{expected} token/秒（{low} 至 {high}）"),
    "advice.verdict.fits": ("Fits.", "放得下。"),
    "advice.verdict.fits-partly": ("Fits partly.", "部分能放进显存。"),
    "advice.verdict.processor": ("Fits main memory only.", "只放得进内存。"),
    "advice.verdict.too-big": ("Too big.", "放不下。"),
    "advice.judged": ("{verdict} {reason}", "{verdict}{reason}"),
    "advice.chart.fits": ("fits", "放得下"),
    "advice.chart.fits-partly": ("partly", "部分放得下"),
    "advice.chart.too-big": ("too big", "放不下"),
    "advice.kind.chat": ("chat", "对话"),
    "advice.kind.reasoning": ("reasoning", "推理"),
    "advice.kind.code": ("code", "代码"),
    "advice.kind.base": ("base", "基座"),
    "advice.kind.embedding": ("embedding", "嵌入"),
    "advice.kind.vision-language": ("vision-language", "视觉语言"),
    "advice.head.name": ("NAME", "名称"),
    "advice.head.quantization": ("QUANTIZATION", "量化"),
    "advice.head.parameters": ("PARAMETERS", "参数"),
    "advice.head.fits": ("FITS", "结论"),
    "advice.head.file": ("FILE", "文件"),
    "advice.head.bits": ("BITS", "位"),
    "advice.head.published": ("PUBLISHED", "已发布"),
    "advice.head.memory": ("MEMORY", "内存"),
    "advice.head.decode": ("TOKENS/S", "token/秒"),
    "advice.head.max_context": ("LONGEST CONTEXT", "最长上下文"),
    "advice.head.quality": ("QUALITY", "质量"),
    "advice.head.worth": ("WORTH", "综合"),
    "advice.ranked": (
        "{shown} of {count} models, best first.",
        "共 {count} 个模型，显示最靠前的 {shown} 个。",
    ),
    "advice.ranked_but": (
        "{shown} of {count} models, best first; {left_out} do not fit (--all shows them).",
        "共 {count} 个模型，显示最靠前的 {shown} 个；{left_out} 个放不下（--all 可显示）。",
    ),
    "advice.ranked_by": (
        "Quality: by size, age and quantization, 0 to 100. Worth: quality, lessened where it is slow or holds little "
        "context.",
        "质量：按规模、年代和量化估算，0 到 100。综合：质量再按速度和上下文折减。",
    ),
    "advice.none": (
        "No known model fits. More memory, or another machine: homeroom fit --ram 32GB",
        "没有已知模型放得下。可试试更大内存或另一台机器：homeroom fit --ram 32GB",
    ),
    "advice.next_one": ("homeroom fit {name}", "homeroom fit {name}"),
    "advice.next.run": ("homeroom run {name}", "homeroom run {name}"),
    "advice.next.pull": (
        "homeroom pull {name}",
        "homeroom pull {name}",
    ),
    "advice.is_machine": (
        "{name} is a machine or a GPU, not a model.",
        "{name} 是机器或 GPU，不是模型。",
    ),
    "advice.is_machine.next": (
        'See what it can run: homeroom fit --machine "{name}"',
        '查看它能运行什么：homeroom fit --machine "{name}"',
    ),
    "advice.vision": (
        "Only the part that reads and writes text is counted: the one that sees pictures is a file of its own (mmproj) and "
        "takes memory in addition.",
        "只计入了文本部分：处理图片的部分是单独的文件（mmproj），会另占内存。",
    ),
    "advice.best": (
        "Best here: {quantization} ({size}), by quality and speed together.",
        "本机最合适：{quantization}（{size}），综合质量与速度。",
    ),
    "advice.best_none": ("None of them fits here.", "本机放不下其中任何一种。"),
    "advice.next.smaller": ("homeroom fit lists what does fit", "homeroom fit 列出放得下的模型"),
    "advice.chart": (
        "What it can run with {context} tokens of context (a model with less has its own limit):",
        "它在 {context} 个 token 的上下文下能运行什么（模型上限更小的按其上限）：",
    ),
    "advice.chart.speed": ("{decode}/s", "{decode}/秒"),
    "advice.legend": (
        "Each cell: verdict, memory in all, tokens/s expected. Exact for one: homeroom fit MODEL --basis engine",
        "每格：结论、总内存、预计 token/秒。单个模型的精确值：homeroom fit MODEL --basis engine",
    ),
    "advice.public": (
        "{name} in float32 at {context} tokens: the widely shared table of DeepSeek-R1 models and "
        "quantizations says {public} = {parameters} B x 4 bytes ({weights}) + "
        "KV cache {kv_cache} + a flat {extra}. Here it is {exact}: {tensors} of tensors ({count} parameters, not rounded), "
        "the same KV cache, {compute} of compute buffers for batches of {batch} and {overhead} for the process, instead "
        "of the flat {extra}.",
        "{name} 以 float32、{context} 个 token 计：广为流传的 DeepSeek-R1 模型与量化对照表为 "
        "{public} = {parameters} B × 4 字节（{weights}）+ "
        "KV 缓存 {kv_cache} + 固定 {extra}。此处为 {exact}：张量 {tensors}（{count} 个参数，未取整），KV 缓存相同，"
        "批大小 {batch} 的计算缓冲 {compute}，进程 {overhead}，而非固定的 {extra}。",
    ),
    "advice.machine_words": (
        "{name}: {free} of {total} memory free{devices}",
        "{name}：内存 {total}，空闲 {free}{devices}",
    ),
    "advice.device_words": ("; {name} {free} of {total} free", "；{name} {total}，空闲 {free}"),
    "advice.traffic": ("Only the header was read: {size}.", "只读取了文件头：{size}。"),
    "advice.over_model": (
        "{name} takes at most {limit} tokens of context, and {asked} were asked for.",
        "{name} 的上下文最多为 {limit} 个 token，而请求的是 {asked}。",
    ),
    "advice.over_model.next": (
        "Ask for less: homeroom fit {name} --ctx {limit}",
        "减小上下文：homeroom fit {name} --ctx {limit}",
    ),
    "advice.no_catalogue": (
        "No model of the catalogue matches.",
        "目录中没有匹配的模型。",
    ),
    "advice.no_catalogue.next": (
        "See all of it with: homeroom fit --all --limit 500",
        "查看全部：homeroom fit --all --limit 500",
    ),
    "advice.grades": ("Published grades ({source}):", "公布的成绩（{source}）："),
    "advice.grid": (
        "Every quantization, with {context} tokens of context on this machine (bits per weight):",
        "各种量化在本机、{context} 个 token 上下文下的情况（每个权重的位数）：",
    ),
    # what a word costs, one line each
    "advice.lineage.distilled": (
        "A student: it was trained on the answers of {teacher}, on top of {base}. It keeps part of the teacher's skill, "
        "and how much depends on the task.",
        "学生模型：在 {base} 的基础上，用 {teacher} 的回答训练而成。保留了老师的部分能力，保留多少取决于任务。",
    ),
    "advice.lineage.derived": ("Made from {base}.", "基于 {base} 训练。"),
    "advice.lineage.experts": (
        "A mixture of {experts} experts, {used} at work for each token: all {parameters} of parameters take memory, "
        "{active} take time.",
        "混合专家模型：共 {experts} 个专家，每个 token 用到 {used} 个；全部 {parameters} 参数都占内存，"
        "但每个 token 只需计算 {active} 参数。",
    ),
    "advice.lineage.quantized": (
        "{quantization} rounds each weight to about {bits} bits instead of 16: {part} of the size.",
        "{quantization} 把每个权重从 16 位舍入到约 {bits} 位：体积为原来的 {part}。",
    ),
    "advice.lineage.quantized_loss": (
        "{quantization} rounds each weight to about {bits} bits instead of 16: {part} of the size, and {loss} % more "
        "perplexity (uncertainty about the next word), as llama.cpp measured on {model}.",
        "{quantization} 把每个权重从 16 位舍入到约 {bits} 位：体积为原来的 {part}；困惑度（对下一个词的不确定程度）增加 "
        "{loss} %（llama.cpp 在 {model} 上的测量）。",
    ),
}
