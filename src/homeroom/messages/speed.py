"""How fast a model is: where the figures come from, and measuring them (``homeroom bench``)."""

MESSAGES: dict[str, tuple[str, str]] = {
    "speed.calibrated": (
        "from rates measured on this machine on {date}",
        "根据 {date} 在本机测得的速率推算",
    ),
    "speed.calibrated_busy": (
        "from rates measured on this machine on {date} while others were busy; better at rest: homeroom bench --calibrate",
        "根据 {date} 在本机测得的速率推算，当时有其他程序在忙；空闲时可重新测量：homeroom bench --calibrate",
    ),
    "speed.table": (
        "{device}: {low} to {high} of its memory bandwidth and about {block} us a block, as reported for devices like it",
        "{device}：其内存带宽的 {low} 到 {high}，每层另需约 {block} 微秒（依据同类设备的公开测试结果）",
    ),
    "speed.processor": (
        "this machine's memory bandwidth and the arithmetic of a known processor; exact after: homeroom bench --calibrate",
        "根据本机内存带宽和一种已知处理器的运算速度推算；要得到准确值：homeroom bench --calibrate",
    ),
    "speed.processor_elsewhere": (
        "that machine's memory bandwidth and the arithmetic of a known processor ({known}, measured on {date})",
        "根据该机器的内存带宽和一种已知处理器的运算速度（{known}，测于 {date}）推算",
    ),
    # homeroom bench --calibrate
    "speed.calibrating": (
        "Measuring this processor for about {seconds} s. Other programs that are busy make the figures worse.",
        "正在测量本机处理器，约需 {seconds} 秒。其他程序繁忙会使结果偏低。",
    ),
    "speed.step": ("Measuring {name}  {part}", "正在测量 {name}  {part}"),
    "speed.heading.type": ("WEIGHTS", "权重类型"),
    "speed.heading.decode": ("GENERATING", "生成"),
    "speed.heading.prefill": ("READING A PROMPT", "读取提示词"),
    "speed.kept": (
        "Kept in {path}, for {threads} threads. homeroom fit uses it from now on.",
        "已保存到 {path}（{threads} 个线程）。homeroom fit 今后会使用它。",
    ),
    "speed.noisy": (
        "The figures lie {spread} apart: something else was busy. Better again when the machine is at rest: "
        "homeroom bench --calibrate",
        "各次测量相差 {spread}：有其他程序在忙。请在机器空闲时重新测量：homeroom bench --calibrate",
    ),
    "speed.busy": (
        "Other programs used the processor meanwhile, so these figures are too low, and homeroom fit will say so. Better again "
        "when the machine is at rest: homeroom bench --calibrate",
        "测量期间有其他程序占用处理器，结果偏低，homeroom fit 会注明这一点。请在机器空闲时重新测量：homeroom bench --calibrate",
    ),
    "speed.disk_full": (
        "Calibrating needs {needed} of room in {folder}, and there is less.",
        "校准需要 {folder} 中有 {needed} 可用空间，目前不足。",
    ),
    "speed.disk_full.next": (
        "Use another disk: TMPDIR=FOLDER homeroom bench --calibrate",
        "请换一个磁盘：TMPDIR=FOLDER homeroom bench --calibrate",
    ),
    "speed.one_thing": (
        "--calibrate measures the processor, not the model {model}.",
        "--calibrate 测量的是处理器，而不是模型 {model}。",
    ),
    "speed.one_thing.next": (
        "Type one of: homeroom bench --calibrate | homeroom bench {model}",
        "请选择其一：homeroom bench --calibrate | homeroom bench {model}",
    ),
    # homeroom bench MODEL
    "speed.no_model": ("There is no model here to measure.", "本机没有可测量的模型。"),
    "speed.no_model.next": (
        "Get one: homeroom pull starter. Or measure the processor alone: homeroom bench --calibrate",
        "获取一个：homeroom pull starter。或仅测量处理器：homeroom bench --calibrate",
    ),
    "speed.embeds": (
        "{name} makes embeddings and generates nothing that could be timed.",
        "{name} 只生成向量，不生成文本，无法测量生成速度。",
    ),
    "speed.embeds.next": ("See what else is here: homeroom list", "查看本机的其他模型：homeroom list"),
    "speed.measuring": ("Running {name}…", "正在运行 {name}…"),
    "speed.title": ("{name} ({quantization}) after {depth} tokens", "{name}（{quantization}），前文 {depth} 个 token"),
    "speed.decode": ("generating", "生成"),
    "speed.prefill": ("reading the prompt", "读取提示词"),
    "speed.predicted": ("generating, as predicted", "生成（预测值）"),
    "speed.calibrate_hint": (
        "So that homeroom fit can tell the speed of models that are not here: homeroom bench --calibrate",
        "若要让 homeroom fit 估算尚未下载的模型的速度：homeroom bench --calibrate",
    ),
}
