"""Sentences of the model store: what it refuses, and the commands rm, prune and verify."""

MESSAGES: dict[str, tuple[str, str]] = {
    # what cannot be in the store
    "store.bad_name": ("{name!r} cannot be the name of a model.", "{name!r} 不能用作模型名称。"),
    "store.bad_name.next": (
        "Names are letters, digits, '.', '_' and '-', with at most one ':' before a tag; or hf:ORG/REPO:QUANT, "
        "ms:ORG/REPO:QUANT, ollama:NAME:TAG. See those that are here with: homeroom list",
        "名称只能包含字母、数字、“.”、“_”、“-”，并且最多有一个“:”用于标签；或者形如 hf:ORG/REPO:QUANT、"
        "ms:ORG/REPO:QUANT、ollama:NAME:TAG。查看已有名称：homeroom list",
    ),
    "store.bad_digest": ("{digest!r} is not a SHA-256 digest.", "{digest!r} 不是有效的 SHA-256 摘要。"),
    "store.bad_digest.next": (
        "Whoever published it made a mistake, or means harm. Take the model from another source: homeroom pull --help",
        "发布者有误，或者怀有恶意。请从其他来源获取该模型：homeroom pull --help",
    ),
    "store.bad_role": ("{role!r} is not the kind of a file.", "{role!r} 不是有效的文件类型。"),
    "store.bad_role.next": (
        "Whoever published it made a mistake, or means harm. Take the model from another source: homeroom pull --help",
        "发布者有误，或者怀有恶意。请从其他来源获取该模型：homeroom pull --help",
    ),
    "store.bad_file_name": (
        "{name!r} is not a plain file name: it could mean a file somewhere else, or none at all on some systems.",
        "{name!r} 不是普通的文件名：它可能指向别处的文件，或者在某些系统上无法使用。",
    ),
    "store.bad_file_name.next": (
        "Whoever published it made a mistake, or means harm. Take the model from another source: homeroom pull --help",
        "发布者有误，或者怀有恶意。请从其他来源获取该模型：homeroom pull --help",
    ),
    "store.bad_size": ("{bytes} bytes cannot be the size of {name!r}.", "{name!r} 的大小不可能是 {bytes} 字节。"),
    "store.bad_size.next": (
        "Whoever published it made a mistake, or means harm. Take the model from another source: homeroom pull --help",
        "发布者有误，或者怀有恶意。请从其他来源获取该模型：homeroom pull --help",
    ),
    "store.bad_files": (
        "These files are not one whole model, nor all parts of a split one in order: {names}.",
        "这些文件既不是一个完整的模型，也不是按顺序排列的全部分片：{names}。",
    ),
    "store.bad_files.next": (
        "Get the model again from a source that has all of its parts: homeroom pull --help",
        "请从具有全部分片的来源重新获取该模型：homeroom pull --help",
    ),
    "store.no_blob": (
        "{name} cannot be added: its file is missing or not whole: {path}.",
        "无法添加 {name}：文件缺失或不完整：{path}。",
    ),
    "store.no_blob.next": ("Get it again with: homeroom pull {name}", "重新获取：homeroom pull {name}"),
    "store.no_links": (
        "A split model cannot be kept in {folder}: that disk has neither hard nor symbolic links ({reason}).",
        "无法在 {folder} 中保存分片模型：该磁盘既不支持硬链接，也不支持符号链接（{reason}）。",
    ),
    "store.no_links.next": (
        "Choose a folder on another disk with HOMEROOM_HOME=FOLDER, or a quantization that is one file.",
        "请用 HOMEROOM_HOME=文件夹 选择其他磁盘上的文件夹，或选用单个文件的量化版本。",
    ),
    "store.broken.links": (
        "its parts are not in {folder} under their own names.",
        "{folder} 中缺少以原文件名命名的分片。",
    ),
    "store.broken.damaged": (
        "verify has found its file damaged: {path}.",
        "校验发现其文件已损坏：{path}。",
    ),
    # deleting
    "store.unreadable": (
        "Nothing can be deleted: {path} cannot be read ({reason}), so nobody knows which files it needs.",
        "无法删除：{path} 无法读取（{reason}），因此无法得知它需要哪些文件。",
    ),
    "store.unreadable.next": (
        "Make that file readable for you, or delete it, then type the same command again.",
        "请确保您可以读取该文件，或将其删除，然后重新输入同一命令。",
    ),
    "store.in_use": (
        "{name} is no longer listed, but the system would not delete its file, which is probably in use: {path}.",
        "{name} 已不在列表中，但系统不允许删除其文件，该文件可能正在使用：{path}。",
    ),
    "store.in_use.next": (
        "End what uses it (homeroom ps, homeroom stop --all), then free its bytes with: homeroom prune",
        "请先结束正在使用它的程序（homeroom ps、homeroom stop --all），然后释放空间：homeroom prune",
    ),
    # rm
    "store.rm.question": ("Delete {names} ({size})?", "确定删除 {names}（{size}）吗？"),
    "store.rm.kept": ("Nothing was deleted.", "未删除任何内容。"),
    "store.rm.done": ("Deleted {name}: {freed} are free again.", "已删除 {name}，释放了 {freed}。"),
    "store.rm.shared": (
        "Deleted {name}: {freed} are free again; {kept} stay, which another model or a pull needs.",
        "已删除 {name}，释放了 {freed}；另有 {kept} 仍被其他模型或下载使用，予以保留。",
    ),
    "store.rm.loaded": (
        "{names} is still loaded and holds its memory until then: homeroom stop --all",
        "{names} 仍处于加载状态并占用内存，直到执行：homeroom stop --all",
    ),
    "store.unknown": ("homeroom's own store has no model {model!r}.", "homeroom 的模型库中没有名为 {model!r} 的模型。"),
    "store.unknown.next": ("See what is here with: homeroom list", "查看已有模型：homeroom list"),
    "store.unknown_but": (
        "homeroom's own store has no model {model!r}. Did you mean: {close}?",
        "homeroom 的模型库中没有名为 {model!r} 的模型。您是否想用：{close}？",
    ),
    "store.unknown_but.next": ("See what is here with: homeroom list", "查看已有模型：homeroom list"),
    "store.not_ours.ollama": (
        "{name} is Ollama's ({path}). homeroom reads it there and never changes it.",
        "{name} 属于 Ollama（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.ollama.next": ("Delete it with: ollama rm {theirs}", "如需删除：ollama rm {theirs}"),
    "store.not_ours.lmstudio": (
        "{name} is LM Studio's ({path}). homeroom reads it there and never changes it.",
        "{name} 属于 LM Studio（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.lmstudio.next": (
        "Delete it in LM Studio, under My Models; or delete that file.",
        "如需删除，请在 LM Studio 的 My Models 中操作，或直接删除该文件。",
    ),
    "store.not_ours.huggingface": (
        "{name} is in the cache of Hugging Face ({path}). homeroom reads it there and never changes it.",
        "{name} 位于 Hugging Face 缓存（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.huggingface.next": (
        "Delete it with: hf cache rm model/{repository}",
        "如需删除：hf cache rm model/{repository}",
    ),
    "store.not_ours.llama_cpp": (
        "{name} is in the cache of llama.cpp ({path}). homeroom reads it there and never changes it.",
        "{name} 位于 llama.cpp 缓存（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.llama_cpp.next": (
        "llama.cpp has no command for it: delete that file.",
        "llama.cpp 没有对应的命令，请直接删除该文件。",
    ),
    "store.not_ours.modelscope": (
        "{name} is in the cache of ModelScope ({path}). homeroom reads it there and never changes it.",
        "{name} 位于 ModelScope 缓存（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.modelscope.next": (
        "Delete it with: modelscope cache clear --repo-id {repository}",
        "如需删除：modelscope cache clear --repo-id {repository}",
    ),
    "store.not_ours.folder": (
        "{name} is in a folder of yours ({path}). homeroom reads it there and never changes it.",
        "{name} 位于您自己的文件夹（{path}），homeroom 只读取，从不改动。",
    ),
    "store.not_ours.folder.next": (
        "Delete that file yourself, with all its parts if it is split.",
        "请自行删除该文件；若为分片模型，请删除全部分片。",
    ),
    "store.not_ours.file": (
        "{path} is a file of yours. homeroom deletes only what is in its own store.",
        "{path} 是您自己的文件，homeroom 只删除自己模型库中的内容。",
    ),
    "store.not_ours.file.next": (
        "Delete that file yourself, or see what homeroom has fetched with: homeroom list",
        "请自行删除该文件，或查看 homeroom 已获取的模型：homeroom list",
    ),
    # prune
    "store.prune.blob": ("Files that no model needs: {count} ({size})", "没有模型使用的文件：{count} 个（{size}）"),
    "store.prune.part": (
        "Parts of downloads that nobody goes on with: {count} ({size})",
        "无人继续的下载片段：{count} 个（{size}）",
    ),
    "store.prune.links": (
        "Folders of split models that are gone: {count} ({size})",
        "已不存在的分片模型的文件夹：{count} 个（{size}）",
    ),
    "store.prune.note": (
        "Notes about models that are gone: {count} ({size})",
        "已不存在的模型的记录：{count} 个（{size}）",
    ),
    "store.prune.left": (
        "Left: {size} of downloads that something has arrived for in the last 24 hours; homeroom pull goes on with them, "
        "homeroom prune --all deletes them too.",
        "已保留：最近 24 小时内有进展的下载片段（{size}）；homeroom pull 可继续下载，homeroom prune --all 会一并删除。",
    ),
    "store.prune.all": (
        "Also delete parts of downloads that changed within the last 24 hours",
        "同时删除最近 24 小时内有变化的下载片段",
    ),
    "store.prune.nothing": ("There is nothing to delete.", "没有可删除的内容。"),
    "store.prune.done": ("Deleted: {size} are free again.", "已删除，释放了 {size}。"),
    "store.prune.would": ("{size} would be free again with: {command}", "运行 {command} 可释放 {size}。"),
    "store.prune.busy": (
        "Somebody is fetching a model: files and downloads that it may need were left. Once it is done: homeroom prune",
        "有模型正在下载：它可能需要的文件和下载片段均已保留。完成后请再次运行：homeroom prune",
    ),
    # verify
    "store.checking": ("Checking {name}", "正在校验 {name}"),
    "store.head.name": ("NAME", "名称"),
    "store.head.size": ("SIZE", "大小"),
    "store.head.state": ("STATE", "状态"),
    "store.state.whole": ("whole", "完好"),
    "store.state.damaged": ("damaged", "已损坏"),
    "store.state.missing": ("missing", "缺失"),
    "store.state.broken": ("broken", "条目无效"),
    "store.fault.missing": ("its file is not there: {path}.", "文件不存在：{path}。"),
    "store.fault.size": (
        "{path} has {found} bytes instead of {expected}.",
        "{path} 有 {found} 字节，应为 {expected} 字节。",
    ),
    "store.fault.changed": (
        "bytes of {path} are not those that were fetched.",
        "{path} 中有字节与下载时不同。",
    ),
    "store.fault.piece": (
        "bytes of {path} are not those that were fetched, first among {first} to {last}.",
        "{path} 中有字节与下载时不同，首先出现在第 {first} 至 {last} 字节之间。",
    ),
    "store.verify.none": (
        "There is no model in the store. Get one with: homeroom pull starter",
        "模型库中没有模型。获取一个：homeroom pull starter",
    ),
    "store.verify.bad": ("{name} is not whole: {reason}", "{name} 不完整：{reason}"),
    "store.verify.bad_several": ("{names} are not whole: {reason}", "{names} 不完整：{reason}"),
    "store.verify.bad_several.next": (
        "They share that file. Mend it with: homeroom pull {name}. Or delete them with: homeroom rm {typed}",
        "它们共用该文件。修复：homeroom pull {name}；或删除：homeroom rm {typed}",
    ),
    "store.verify.not_ours": (
        "{name} is not in homeroom's own store, and only what is there is verified: {path}.",
        "{name} 不在 homeroom 自己的模型库中，只能校验库中的模型：{path}。",
    ),
    "store.verify.not_ours.next": (
        "Verify all that homeroom has fetched with: homeroom verify",
        "校验 homeroom 获取的全部模型：homeroom verify",
    ),
    "store.verify.bad.next": (
        "Mend it with: homeroom pull {name}. Or delete it with: homeroom rm {name}",
        "修复：homeroom pull {name}；或删除：homeroom rm {name}",
    ),
    "store.verify.broken": (
        "The entry of {name} in the store is broken ({path}): {reason}",
        "模型库中 {name} 的条目已损坏（{path}）：{reason}",
    ),
    "store.verify.broken.next": (
        "Get the model again with: homeroom pull {name}. Or delete that file.",
        "重新获取模型：homeroom pull {name}；或删除该文件。",
    ),
    "store.verify.mended": (
        "The parts of {name} were not in their place under their own names; now they are.",
        "{name} 的分片未以原文件名就位，现已恢复。",
    ),
    "store.verify.unneeded": (
        "Besides, {count} files belong to no model ({size}). Delete them with: homeroom prune",
        "另有 {count} 个文件不属于任何模型（{size}）。删除它们：homeroom prune",
    ),
}
