"""Sentences of ``homeroom pull``: what was chosen, why, where it comes from, and what stands against it."""

MESSAGES: dict[str, tuple[str, str]] = {
    "pull.bad_layer": (
        "What {source} has beside its weights (system prompt, parameters, licence) cannot be understood: {reason}. No weights "
        "were fetched.",
        "{source} 中除权重以外的内容（系统提示词、参数、许可证）无法识别：{reason}。未下载权重。",
    ),
    "pull.bad_layer.next": (
        "Take the model from another place: homeroom pull hf:ORG/REPO-GGUF",
        "请从别处获取该模型：homeroom pull hf:组织/仓库-GGUF",
    ),
    # why it
    "pull.why.only": (
        "{quantization} ({size}) is the only one on offer.",
        "只有 {quantization}（{size}）可选。",
    ),
    "pull.why.asked": (
        "{quantization} ({size}), as you asked for.",
        "{quantization}（{size}），按您的要求选取。",
    ),
    "pull.why.best": (
        "Of {count} quantizations on offer, {quantization} ({size}) is worth most here, by quality and speed together.",
        "可选的 {count} 种量化中，{quantization}（{size}）最适合本机（综合质量与速度）。",
    ),
    "pull.why.smallest": (
        "Of {count} quantizations on offer, {quantization} ({size}) is the smallest.",
        "可选的 {count} 种量化中，{quantization}（{size}）最小。",
    ),
    "pull.why.under": (
        "Those over {limit} were left out: {count}.",
        "已排除 {count} 种超过 {limit} 的量化。",
    ),
    "pull.why.finer_too_big": (
        "The next finer one, {quantization} ({size}), does not fit.",
        "更精细的 {quantization}（{size}）放不下。",
    ),
    "pull.why.finer_slower": (
        "The next finer one, {quantization} ({size}), gives about {decode} tokens/s.",
        "更精细的 {quantization}（{size}）约为 {decode} token/秒。",
    ),
    "pull.why.finer_larger": (
        "The next finer one is {quantization} ({size}).",
        "更精细的一种是 {quantization}（{size}）。",
    ),
    "pull.why.size": (
        "{name} is worth most here of the {count} sizes of {family}.",
        "{family} 的 {count} 种规模中，{name} 最适合本机。",
    ),
    "pull.why.size_smallest": (
        "{name} is the smallest of the {count} sizes of {family}.",
        "{name} 是 {family} 的 {count} 种规模中最小的。",
    ),
    "pull.why.not": (
        "{quantization} would have been chosen, but by its header it does not fit: {reason}",
        "原本会选 {quantization}，但其文件头表明放不下：{reason}",
    ),
    "pull.why.mending": (
        "{name} is in the store, but not whole: what is wrong of it is fetched again.",
        "{name} 在模型库中但不完整：将重新下载有问题的部分。",
    ),
    "pull.why.mislabelled": (
        "Its name says {said}, but its header says {found}: it is taken for {found}.",
        "其文件名为 {said}，但文件头为 {found}：按 {found} 对待。",
    ),
    "pull.why.starter": (
        "The starter model: small enough for every machine, and any package index has it.",
        "入门模型：任何机器都放得下，任何软件包索引都有。",
    ),
    # the page
    "pull.about": (
        "{name}: {title}, {parameters} parameters, {quantization}",
        "{name}：{title}，{parameters} 参数，{quantization}",
    ),
    "pull.label.source": ("from", "来源"),
    "pull.label.file": ("file", "文件"),
    "pull.label.files": ("{count} files", "{count} 个文件"),
    "pull.label.licence": ("licence", "许可证"),
    "pull.label.fit": ("fits", "能否运行"),
    "pull.label.quality": ("quality", "质量"),
    "pull.quality": (
        "{score} of 100, by size, age and quantization",
        "{score}（满分 100，按规模、年代和量化估算）",
    ),
    "pull.quality_loss": (
        "{score} of 100, by size, age and quantization; {quantization} costs {loss} % in perplexity",
        "{score}（满分 100，按规模、年代和量化估算）；{quantization} 使困惑度增加 {loss} %",
    ),
    "pull.label.speed": ("speed", "速度"),
    "pull.label.context": ("context", "上下文"),
    "pull.label.download": ("download", "下载"),
    "pull.licence.unknown": ("not stated", "未说明"),
    "pull.speed": (
        "{start} at first, {full} with all {context} tokens of context in use",
        "开始时 {start}，{context} 个 token 的上下文全部用满时 {full}",
    ),
    "pull.speed_unknown": ("not known", "未知"),
    "pull.context_none": (
        "none fits here; the model's own limit is {limit}",
        "本机放不下任何上下文；模型自身上限为 {limit}",
    ),
    "pull.context": (
        "{longest} tokens at most here; the model's own limit is {limit}",
        "本机最长 {longest} 个 token；模型自身上限为 {limit}",
    ),
    "pull.download": (
        "{size}, {took} at {rate}/s as seen so far",
        "{size}，按目前 {rate}/秒 的速度约需 {took}",
    ),
    "pull.download_unknown": ("{size}; how long it takes is not known yet", "{size}；所需时间尚不清楚"),
    "pull.download_rest": (
        "{size} of {whole} (the rest is here already), {took} at {rate}/s as seen so far",
        "{whole} 中的 {size}（其余已在本机），按目前 {rate}/秒 的速度约需 {took}",
    ),
    "pull.download_rest_unknown": (
        "{size} of {whole} (the rest is here already); how long it takes is not known yet",
        "{whole} 中的 {size}（其余已在本机）；所需时间尚不清楚",
    ),
    "pull.download_nothing": (
        "next to nothing: its files are here already and are checked",
        "几乎无需下载：文件已在本机，仅作校验",
    ),
    "pull.download_mend": (
        "what is damaged of its {whole}: that is found by reading the file, and fetched again",
        "仅重新下载 {whole} 中损坏的部分（读取文件后确定）",
    ),
    "pull.interrupted": (
        "Interrupted. What has arrived of {name} stays.",
        "已中断。{name} 已下载的部分会保留。",
    ),
    "pull.interrupted.next": ("Go on with it: homeroom pull {again}", "继续下载：homeroom pull {again}"),
    "pull.changes": ("What would help:", "可以怎么办："),
    "pull.change.kv_type": (
        "With a coarser KV cache it fits: homeroom pull {again} --kv-type {kv_type}",
        "降低 KV 缓存精度即可：homeroom pull {again} --kv-type {kv_type}",
    ),
    "pull.change.context": (
        "With {context} tokens of context or fewer it fits: homeroom pull {again} --ctx {tokens}",
        "把上下文减到 {context} 个 token 以内即可：homeroom pull {again} --ctx {tokens}",
    ),
    "pull.change.quantization": (
        "Coarser, as {quantization} ({size}), it fits: homeroom pull {typed} --quant {quantization}",
        "改用更低位的量化 {quantization}（{size}）即可：homeroom pull {typed} --quant {quantization}",
    ),
    "pull.ask": ("Fetch it now?", "现在下载吗？"),
    "pull.declined": ("Nothing was fetched.", "未下载任何内容。"),
    "pull.dry_run": (
        "Nothing was fetched. To get it: homeroom pull {again}",
        "未下载任何内容。要获取它：homeroom pull {again}",
    ),
    "pull.done": ("{name} is here: {size}, {path}", "{name} 已就绪：{size}，{path}"),
    "pull.done_next_embeds": ("homeroom up --model {name}", "homeroom up --model {name}"),
    "pull.done_next": ("homeroom run {name}", "homeroom run {name}"),
    "pull.is_here": (
        "{name} is here already: {size}, {path}",
        "{name} 已在本机：{size}，{path}",
    ),
    "pull.is_here_file": (
        "{name} is a file on this machine and needs no pull: {path}",
        "{name} 是本机文件，无需下载：{path}",
    ),
    "pull.is_here_unasked": (
        "Whether {source} has changed since could not be asked: {reason}",
        "无法确认 {source} 此后是否有变化：{reason}",
    ),
    "pull.did_not_serve": ("Asked without success: {source}: {reason}", "未能提供：{source}：{reason}"),
    "pull.answer": ("  {source}: {reason}", "  {source}：{reason}"),
    "pull.looking": ("Looking for {name}…", "正在查找 {name}…"),
    "pull.fetching": ("Fetching {name}", "正在下载 {name}"),
    "pull.waiting": (
        "Another process is fetching {name}; waiting for it.",
        "另一个进程正在下载 {name}，等待其完成。",
    ),
    "pull.another": (
        "{source} failed, and the next source is tried: {reason}",
        "{source} 失败，改用下一个来源：{reason}",
    ),
    # errors
    "pull.too_big": (
        "{name} as {quantization} does not fit this machine: {reason}",
        "本机放不下 {name}（{quantization}）：{reason}",
    ),
    "pull.too_big.next": (
        "See what this machine can run with: homeroom fit. Or fetch it all the same: homeroom pull {again} --force",
        "查看本机能运行什么：homeroom fit；或仍然下载：homeroom pull {again} --force",
    ),
    "pull.over_size": (
        "Nothing of {name} is under {limit}: the smallest on offer is {quantization} ({size}).",
        "{name} 没有小于 {limit} 的版本：最小的是 {quantization}（{size}）。",
    ),
    "pull.over_size.next": (
        "Allow more, for example: homeroom pull {typed} --max-size {enough}. Or see smaller models with: homeroom fit",
        "放宽限制，例如：homeroom pull {typed} --max-size {enough}；或查看更小的模型：homeroom fit",
    ),
    "pull.unknown": (
        "homeroom knows no model {model!r}.",
        "homeroom 不认识模型 {model!r}。",
    ),
    "pull.unknown.next": (
        "See the names that it knows with: homeroom fit --all. Or say where it is: homeroom pull hf:ORG/REPO-GGUF",
        "查看已知名称：homeroom fit --all；或指明来源：homeroom pull hf:组织/仓库-GGUF",
    ),
    "pull.unknown_but": (
        "homeroom knows no model {model!r}. Did you mean: {close}?",
        "homeroom 不认识模型 {model!r}。您是否想用：{close}？",
    ),
    "pull.unknown_but.next": (
        "For example: homeroom pull {first}. Or say where it is: homeroom pull hf:ORG/REPO-GGUF",
        "例如：homeroom pull {first}；或指明来源：homeroom pull hf:组织/仓库-GGUF",
    ),
    "pull.which_hub": (
        "{model!r} does not say on which hub it is.",
        "{model!r} 没有说明在哪个平台上。",
    ),
    "pull.which_hub.next": (
        "On Hugging Face: homeroom pull {named}",
        "若在 Hugging Face 上：homeroom pull {named}",
    ),
    "pull.two_quantizations": (
        "{model} already says {said}, and --quant says {quantization}.",
        "{model} 已指明 {said}，而 --quant 指定了 {quantization}。",
    ),
    "pull.two_quantizations.next": (
        "Say it once: homeroom pull {model}",
        "只写一次：homeroom pull {model}",
    ),
    "pull.no_quantization": (
        "{source} is not offered as {quantization}, but as: {choices}.",
        "{source} 没有 {quantization}，现有：{choices}。",
    ),
    "pull.no_quantization.next": (
        "Take one of those, or leave --quant out and homeroom chooses: homeroom pull {typed}",
        "请选择其中之一，或不加 --quant 由 homeroom 选择：homeroom pull {typed}",
    ),
    "pull.no_choice": (
        "{source} has several models, and their names do not tell which one is meant: {choices}.",
        "{source} 中有多个模型，仅凭文件名无法判断要哪一个：{choices}。",
    ),
    "pull.no_choice.next": (
        "Name one of the files: homeroom pull {example}",
        "请指定其中一个文件：homeroom pull {example}",
    ),
    "pull.bad_size": ("{value!r} is not a size.", "{value!r} 不是大小。"),
    "pull.bad_size.next": (
        "Give it in GB, for example: homeroom pull {typed} --max-size 5GB",
        "请以 GB 为单位，例如：homeroom pull {typed} --max-size 5GB",
    ),
    "pull.all_failed": (
        "No source of {name} worked.\n{answers}",
        "{name} 的所有来源均失败。\n{answers}",
    ),
    "pull.all_failed.next": (
        "Type the same command again: it goes on where it stopped. Or ask others first: homeroom pull {typed} --sources ms,hf",
        "重新输入同一命令即可从中断处继续；或更换来源顺序：homeroom pull {typed} --sources ms,hf",
    ),
    "pull.other_model": (
        "{source} is not {name}: {reason}",
        "{source} 不是 {name}：{reason}",
    ),
    "pull.other_model.next": (
        "Ask other sources, for example: homeroom pull {name} --sources ms,ollama",
        "换用其他来源，例如：homeroom pull {name} --sources ms,ollama",
    ),
    "pull.mislabelled": (
        "{source} is called {said}, but its header says {found}.",
        "{source} 的名称为 {said}，但文件头为 {found}。",
    ),
    "pull.mislabelled.next": (
        "Leave it, or fetch it all the same, as {found}: homeroom pull {again} --force",
        "不要获取它；或仍按 {found} 获取：homeroom pull {again} --force",
    ),
    "pull.several_here": (
        "{model} means several models that are here: {choices}.",
        "{model} 对应本机的多个模型：{choices}。",
    ),
    "pull.several_here.next": (
        "Name one of them, for example: homeroom run {first}",
        "请指定其中一个，例如：homeroom run {first}",
    ),
}
