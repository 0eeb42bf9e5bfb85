"""Sentences of the verdicts: what fits, what does not, why, and what would have to change."""

MESSAGES: dict[str, tuple[str, str]] = {
    "fit.fits": (
        "It needs {needed} and {usable} of the {free} of free memory may be used.",
        "需要 {needed}；{free} 空闲内存中可用 {usable}。",
    ),
    "fit.fits_gpu": (
        "All of it ({needed}) fits into the memory of {devices}, so it runs at full speed.",
        "全部 {needed} 都能放进 {devices} 的显存，可全速运行。",
    ),
    "fit.fits_processor": (
        "It needs {needed}: more than the GPU may hold, so it runs on the processor, from the {usable} of main memory "
        "that may be used.",
        "需要 {needed}：超出 GPU 可用的显存，因此在处理器上运行，使用 {usable} 可用内存。",
    ),
    "fit.fits_experts": (
        "Attention fits onto {devices}; the experts of {experts} of {blocks} layers ({part}) stay in main memory, so it "
        "is slower.",
        "注意力部分放得进 {devices}；{blocks} 层中有 {experts} 层的专家（{part}）留在内存里，因此较慢。",
    ),
    "fit.fits_layers": (
        "Only {layers} of {blocks} layers fit onto {devices}; the rest ({part}) runs on the processor, so it is slower.",
        "{blocks} 层中只有 {layers} 层放得进 {devices}；其余部分（{part}）在处理器上运行，因此较慢。",
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
    "fit.too_big_partly": (
        "It needs {needed}. What {devices} cannot hold ({part}) is more than the {usable} of main memory that may be used.",
        "需要 {needed}。{devices} 放不下的部分（{part}）超出了可用的 {usable} 内存。",
    ),
    "fit.bad_ask": (
        "{name} must be 1 or more and is {value}.",
        "{name} 必须不小于 1，实际为 {value}。",
    ),
    "fit.bad_ask.next": (
        "See what can be asked with: homeroom fit --help",
        "查看可用选项：homeroom fit --help",
    ),
    "fit.no_kv_type": (
        "The engine cannot keep the KV cache of {name} in {kv_type} for so many requests.",
        "引擎无法以 {kv_type} 保存 {name} 在这么多请求下的 KV 缓存。",
    ),
    "fit.no_kv_type.next": (
        "Take full precision: --kv-type f16",
        "请使用完整精度：--kv-type f16",
    ),
    "fit.change.kv_type": (
        "With a coarser KV cache it fits: homeroom fit {name} --kv-type {kv_type}",
        "降低 KV 缓存精度即可：homeroom fit {name} --kv-type {kv_type}",
    ),
    "fit.change.context": (
        "With {context} tokens of context or fewer it fits: homeroom fit {name} --ctx {tokens}",
        "把上下文减到 {context} 个 token 以内即可：homeroom fit {name} --ctx {tokens}",
    ),
    "fit.change.quantization": (
        "Coarser, as {quantization} ({size}), it fits: homeroom fit {name}",
        "改用更低位的量化 {quantization}（{size}）即可：homeroom fit {name}",
    ),
    "fit.change.quantization_other": (
        "Coarser, as {quantization} ({size}), it would fit: look for that file.",
        "改用更低位的量化 {quantization}（{size}）即可：请寻找该文件。",
    ),
    "fit.change.memory": (
        "{missing} of free memory are missing: a module of {more} more, or several of as much in all, would do.",
        "空闲内存还差 {missing}：加装 {more} 内存条即可。",
    ),
    "fit.change.memory_much": (
        "It is {missing} short: no memory that one can buy for a home machine closes that.",
        "还差 {missing}：家用机器加内存也补不上。",
    ),
    "fit.dry_run": (
        "The engine could not size {path}: {reason}",
        "引擎无法估算 {path}：{reason}",
    ),
    "fit.dry_run.next": (
        "Take the formula instead: homeroom fit MODEL --basis formula",
        "改用公式：homeroom fit MODEL --basis formula",
    ),
    "fit.dry_run_file": (
        "To ask the engine, a file of {size} (without content) has to be made in {folder}, which is not possible: {reason}.",
        "向引擎询问需要在 {folder} 中创建一个 {size} 的空文件，但无法创建：{reason}。",
    ),
    "fit.dry_run_file.next": (
        "Take the formula instead: homeroom fit MODEL --basis formula. Or another disk: TMPDIR=FOLDER homeroom fit MODEL",
        "改用公式：homeroom fit MODEL --basis formula；或换一个磁盘：TMPDIR=FOLDER homeroom fit MODEL",
    ),
    "fit.dry_run_start": (
        "The engine could not be started to size {path}: {reason}.",
        "无法启动引擎来估算 {path}：{reason}。",
    ),
    "fit.dry_run_start.next": (
        "Close other programs and try again, or take the formula: homeroom fit MODEL --basis formula",
        "请关闭其他程序后重试，或改用公式：homeroom fit MODEL --basis formula",
    ),
    "fit.dry_run_context": (
        "A context of {context} tokens for each of {parallel} requests is more than the engine can count ({most} in all).",
        "{parallel} 个并行请求、每个 {context} 个 token 的上下文，超出引擎能处理的总数（{most}）。",
    ),
    "fit.dry_run_context.next": (
        "Ask for less: homeroom fit MODEL --ctx 131072 --parallel 1",
        "请减小：homeroom fit MODEL --ctx 131072 --parallel 1",
    ),
}
