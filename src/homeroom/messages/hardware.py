"""Sentences of the hardware floor: what was found, what was assumed, names and sizes that cannot be read."""

MESSAGES: dict[str, tuple[str, str]] = {
    # a maker's probe
    "hardware.nvidia.no_driver": (
        "There is an NVIDIA card, but no driver for it: it cannot compute. Install NVIDIA's driver.",
        "检测到 NVIDIA 显卡，但没有驱动，无法用于计算。请安装 NVIDIA 驱动。",
    ),
    "hardware.nvidia.not_loaded": (
        "NVIDIA's driver is installed but not running ({code}). Restart the machine, or install the driver again.",
        "NVIDIA 驱动已安装但未运行（{code}）。请重启机器，或重新安装驱动。",
    ),
    "hardware.nvidia.mismatch": (
        "NVIDIA's driver was updated while it was running, so its parts do not match ({code}). Restart the machine.",
        "NVIDIA 驱动在运行时被更新，内核模块与库版本不一致（{code}）。请重启机器。",
    ),
    "hardware.nvidia.no_permission": (
        "NVIDIA's driver does not let this user ask about the card ({code}).",
        "NVIDIA 驱动不允许当前用户查询显卡（{code}）。",
    ),
    "hardware.nvidia.lost": (
        "An NVIDIA card has stopped answering ({code}). Restart the machine.",
        "有一块 NVIDIA 显卡已停止响应（{code}）。请重启机器。",
    ),
    "hardware.nvidia.failed": (
        "NVIDIA's driver could not be asked about the card ({code}). See what it says with: nvidia-smi",
        "无法向 NVIDIA 驱动查询显卡（{code}）。可运行 nvidia-smi 查看原因。",
    ),
    "hardware.nvidia.no_devices": (
        "NVIDIA's driver is running, but it finds no card.",
        "NVIDIA 驱动正在运行，但没有找到显卡。",
    ),
    "hardware.nvidia.mig": (
        "{name} is split (MIG): each of its {count} parts counts as a card of its own.",
        "{name} 已切分（MIG）：{count} 个实例各算作一块独立的显卡。",
    ),
    "hardware.nvidia.mig_empty": (
        "{name} is set to be split (MIG) but has no part yet ({count}), so it cannot compute.",
        "{name} 已开启切分（MIG），但还没有实例（{count} 个），无法用于计算。",
    ),
    "hardware.amd.limit": (
        "{name} may use {usable} of the {pool} of memory here. On Linux the kernel's ttm.pages_limit raises that.",
        "{name} 在这里只能使用 {pool} 内存中的 {usable}。在 Linux 上可用内核参数 ttm.pages_limit 提高上限。",
    ),
    "hardware.amd.no_kfd": (
        "AMD graphics were found, but not the kernel's compute device (/dev/kfd): ROCm cannot use them, Vulkan can.",
        "检测到 AMD 显卡，但没有内核计算设备（/dev/kfd）：ROCm 无法使用，可用 Vulkan。",
    ),
    "hardware.amd.failed": (
        "rocm-smi gave no answer about AMD's cards.",
        "rocm-smi 没有返回 AMD 显卡的信息。",
    ),
    "hardware.intel.window": (
        "{name} could not be asked for its memory; its PCI window is shown. Join the group render to be told.",
        "无法向 {name} 查询显存，显示的是其 PCI 窗口大小。加入 render 用户组后即可查询。",
    ),
    "hardware.intel.unknown": (
        "The Intel card at {address} does not tell its memory, so it does not count. Join the group render to be told.",
        "位于 {address} 的 Intel 显卡没有提供显存大小，因此未计入。加入 render 用户组后即可查询。",
    ),
    "hardware.apple.failed": (
        "system_profiler gave no answer about this Mac's graphics.",
        "system_profiler 没有返回这台 Mac 的图形处理器信息。",
    ),
    "hardware.windows.free": (
        "Windows does not tell how much of a card's memory is free; all of it is taken as free.",
        "Windows 不提供显存的可用量，这里按全部可用计算。",
    ),
    "hardware.several": (
        "{count} cards: their memories are separate. A larger model is split between them, layer by layer.",
        "共有 {count} 块显卡，显存各自独立。较大的模型会按层拆分到各卡上。",
    ),
    "hardware.bandwidth_busy": (
        "Memory was measured at {rate} while other programs were busy: the real speeds may be higher. It is measured again "
        "the next time.",
        "测得内存带宽为 {rate}，但当时有其他程序在忙，实际速度可能更高。下次会重新测量。",
    ),
    # a machine that is not at hand
    "hardware.given.reserve": (
        "Of main memory {reserve} are kept back for the system.",
        "内存中为系统预留 {reserve}。",
    ),
    "hardware.given.cards": (
        "A card given by its memory alone is taken for an NVIDIA card of unknown speed; {reserve} of each are kept back. "
        'For a known speed name the card: --machine "RTX 4090"',
        '只给出显存的显卡按速度未知的 NVIDIA 显卡处理，每块预留 {reserve}。要得到速度，请写出型号：--machine "RTX 4090"',
    ),
    "hardware.given.host": (
        "Around the card, {memory} of main memory (dual-channel DDR4-3200) and 8 cores are assumed; say otherwise with --ram.",
        "显卡之外，假定有 {memory} 内存（双通道 DDR4-3200）和 8 个核心；可用 --ram 更改。",
    ),
    "hardware.given.host_rate": (
        "Around the card, the {memory} of main memory are taken for dual-channel DDR4-3200, with 8 cores.",
        "显卡之外，{memory} 内存按双通道 DDR4-3200 计算，并假定有 8 个核心。",
    ),
    "hardware.given.share": (
        "Graphics may use {usable} of the {memory} that they share with the processor.",
        "图形处理器与处理器共用 {memory} 内存，其中最多可用 {usable}。",
    ),
    "hardware.given.source": (
        "The figures of {name} are from: {source} (read on {date}).",
        "{name} 的数据来源：{source}（查阅于 {date}）。",
    ),
    "hardware.given.unchecked": (
        "Not every figure of {name} was found in a source: take its memory and speed with care.",
        "{name} 的部分数据未能查到出处，其内存和速度仅供参考。",
    ),
    # what cannot be read
    "hardware.bad_size": (
        "{option} cannot be {value!r}: it is an amount of memory.",
        "{option} 不能是 {value!r}：这里需要内存大小。",
    ),
    "hardware.bad_size.next": (
        "Write it like 32GB; several cards like 24GB,24GB. For example: homeroom fit --ram 32GB --vram 24GB",
        "请写成 32GB；多块显卡写成 24GB,24GB。例如：homeroom fit --ram 32GB --vram 24GB",
    ),
    "hardware.unknown": (
        "No card or machine called {name!r} is known.",
        "没有名为 {name!r} 的显卡或机器。",
    ),
    "hardware.unknown.next": (
        "Close to it: {close}. Or give its memory: homeroom fit --ram 32GB --vram 24GB",
        "相近的有：{close}。也可以直接给出内存：homeroom fit --ram 32GB --vram 24GB",
    ),
    "hardware.ambiguous": (
        "{name!r} is sold with different memory: {choices}.",
        "{name!r} 有不同的内存规格：{choices}。",
    ),
    "hardware.ambiguous.next": (
        'Say which, for example: homeroom fit --machine "{first}"',
        '请注明是哪一种，例如：homeroom fit --machine "{first}"',
    ),
    "hardware.no_such_memory": (
        "{name!r} was never sold like that. There are: {choices}.",
        "{name!r} 没有这种规格。现有规格：{choices}。",
    ),
    "hardware.no_such_memory.next": (
        'Choose one of these, for example: homeroom fit --machine "{first}". Or give the memory: --ram 32GB --vram 24GB',
        '请从中选择，例如：homeroom fit --machine "{first}"；或只给出内存：--ram 32GB --vram 24GB',
    ),
    "hardware.both": (
        "--machine {name!r} already says how much memory its cards have; --vram cannot be given with it.",
        "--machine {name!r} 已经确定了显存大小，不能再加 --vram。",
    ),
    "hardware.both.next": (
        'Leave one of them out, for example: homeroom fit --machine "2x RTX 3090"',
        '请去掉其中一个，例如：homeroom fit --machine "2x RTX 3090"',
    ),
    "hardware.two_sizes": (
        "{name!r} and --ram {ram} name different amounts of memory for one and the same machine.",
        "{name!r} 与 --ram {ram} 给出了同一台机器的两种内存大小。",
    ),
    "hardware.two_sizes.next": (
        'Leave --ram out: homeroom fit --machine "M4 Max 64GB"',
        '请去掉 --ram：homeroom fit --machine "M4 Max 64GB"',
    ),
    "hardware.whole": (
        "{name} is a whole machine; several of them do not make one.",
        "{name} 是整机，多台不能合为一台。",
    ),
    "hardware.whole.next": (
        'Ask for one: homeroom fit --machine "M4 Max 64GB"',
        '请只写一台：homeroom fit --machine "M4 Max 64GB"',
    ),
}
