"""Sentences about models that are elsewhere: addresses, Hugging Face, ModelScope, the Ollama registry."""

MESSAGES: dict[str, tuple[str, str]] = {
    # what was typed
    "hubs.bad_reference": (
        "{model!r} names no model of {hub}: it has the form {form}.",
        "{model!r} 不是 {hub} 的模型名称，正确形式为 {form}。",
    ),
    "hubs.bad_reference.next": (
        "For example: homeroom pull {example}",
        "例如：homeroom pull {example}",
    ),
    "hubs.file_form": (
        "{model!r} names a file as a folder: a file of a repository is named after a colon.",
        "{model!r} 的写法不对：仓库中的文件应写在冒号之后。",
    ),
    "hubs.file_form.next": ("homeroom pull {right}", "homeroom pull {right}"),
    "hubs.no_such_tag": (
        "{name}: the registry of Ollama has no model {model} with the tag {tag}.",
        "{name}：Ollama 的模型库中没有标签为 {tag} 的 {model}。",
    ),
    "hubs.no_such_tag.next": (
        "Check the spelling of name and tag. The tags of a model are listed at: https://ollama.com/{page}/tags",
        "请检查名称和标签的拼写。模型的所有标签见：https://ollama.com/{page}/tags",
    ),
    "hubs.no_file_name": (
        "{url} is not the address of a file.",
        "{url} 不是文件的网址。",
    ),
    "hubs.no_file_name.next": (
        "Give the address of a .gguf file: homeroom show https://HOST/PATH/FILE.gguf",
        "请给出 .gguf 文件的网址：homeroom show https://主机/路径/文件.gguf",
    ),
    "hubs.bad_endpoint": (
        "{name} is {value!r}, which is not the address of a server.",
        "{name} 的值 {value!r} 不是服务器网址。",
    ),
    "hubs.bad_endpoint.next": (
        "Set it to https://HOST, or leave it out to use {default}.",
        "请设为 https://主机，或不设置以使用 {default}。",
    ),
    # what is there
    "hubs.not_there": (
        "{url} does not exist, or is private.",
        "{url} 不存在，或为私有。",
    ),
    "hubs.not_there.next": (
        "Check the spelling. For a private one of yours set HF_TOKEN (Hugging Face) or MODELSCOPE_API_TOKEN (ModelScope), then "
        "type the same command again.",
        "请检查拼写。若是您的私有模型，请设置 HF_TOKEN（Hugging Face）或 MODELSCOPE_API_TOKEN（魔搭）后重试。",
    ),
    "hubs.empty": (
        "{source} has no model that could be looked at: no .gguf file, and no config.json with .safetensors files.",
        "{source} 中没有可查看的模型：既没有 .gguf 文件，也没有 config.json 和 .safetensors 文件。",
    ),
    "hubs.empty.next": (
        "Look for a repository of that model whose name ends in -GGUF: homeroom show hf:ORG/REPO-GGUF",
        "请寻找该模型名称以 -GGUF 结尾的仓库：homeroom show hf:组织/仓库-GGUF",
    ),
    "hubs.choose": (
        "{source} has several models: {choices}.",
        "{source} 中有多个模型：{choices}。",
    ),
    "hubs.choose.next": (
        "Add the one you want, for example: homeroom {command} {source}:{example}",
        "请指明其中一个，例如：homeroom {command} {source}:{example}",
    ),
    "hubs.no_such_quant": (
        "{source} has no {wanted!r}. It has: {choices}.",
        "{source} 中没有 {wanted!r}。现有：{choices}。",
    ),
    "hubs.no_such_quant.next": (
        "Take one of those, for example: homeroom {command} {source}:{example}",
        "请选择其中之一，例如：homeroom {command} {source}:{example}",
    ),
    "hubs.shard_missing": (
        "{source} lacks parts of {name}: {missing}.",
        "{source} 中的 {name} 不完整，缺少：{missing}。",
    ),
    "hubs.shard_missing.next": (
        "The upload may not be finished. Take another build of the model, or try again later.",
        "上传可能尚未完成。请换用该模型的其他版本，或稍后再试。",
    ),
    "hubs.took": (
        "{quantization} was taken, because none was asked for.",
        "未指定量化，已选择 {quantization}。",
    ),
    "hubs.converted": (
        "There is no GGUF yet: these are the figures of the {quantization} file that llama.cpp would make of it.",
        "尚无 GGUF 文件：以下是用 llama.cpp 转换为 {quantization} 后的数值。",
    ),
    "hubs.adapter": (
        "{source} is a model with an adapter (LoRA) on top. Without it the answers are another model's, and adapters "
        "are not run here.",
        "{source} 在模型之上还带有适配器（LoRA）。缺少它就是另一个模型，而 homeroom 不支持运行适配器。",
    ),
    "hubs.adapter.next": (
        "Look for the model with the adapter merged in: homeroom pull hf:ORG/REPO-GGUF",
        "请查找已合并适配器的模型：homeroom pull hf:组织/仓库-GGUF",
    ),
    "hubs.not_gguf_layer": (
        "{source} holds no GGUF file that could be looked at.",
        "{source} 中没有可查看的 GGUF 文件。",
    ),
    "hubs.not_gguf_layer.next": (
        "Look for the same model on Hugging Face: homeroom show hf:ORG/REPO-GGUF",
        "请在 Hugging Face 上寻找同一模型：homeroom show hf:组织/仓库-GGUF",
    ),
    # what is left alone
    "hubs.pickle": (
        "{source}: {name} may be a pickle, which can run code of its maker's choice when it is loaded. It was not fetched.",
        "{source}：{name} 可能是 pickle 文件，加载时会运行其作者的任意代码，因此未获取。",
    ),
    "hubs.pickle.next": (
        "Look for a .gguf file of the model: homeroom pull {instead}",
        "请寻找该模型的 .gguf 文件：homeroom pull {instead}",
    ),
    "hubs.pickles": (
        "{source} has only files such as {name}: they may be pickles, which can run code of their maker's choice when they are "
        "loaded. Nothing was fetched.",
        "{source} 只有 {name} 这类文件：它们可能是 pickle 文件，加载时会运行其作者的任意代码，因此未获取。",
    ),
    "hubs.pickles.next": (
        "GGUF files of such a model are usually under a name like: homeroom pull {instead}",
        "此类模型的 GGUF 文件通常使用这样的名称：homeroom pull {instead}",
    ),
    "hubs.other_format": (
        "{source} holds the model as {format}, which homeroom's engine does not run; it runs GGUF.",
        "{source} 中的模型为 {format} 格式，homeroom 的引擎无法运行；它运行 GGUF 格式。",
    ),
    "hubs.other_format.next": (
        "GGUF files of such a model are usually under a name like: homeroom pull {instead}",
        "此类模型的 GGUF 文件通常使用这样的名称：homeroom pull {instead}",
    ),
    # what a server says
    "hubs.gated": (
        "{url} is gated: its makers ask you to accept their terms first.",
        "{url} 需要授权：须先接受发布者的条款。",
    ),
    "hubs.gated.next": (
        "Accept them with your account on {page} (some makers answer after days), set HF_TOKEN to a token of that account, and "
        "type the same command again.",
        "请用您的账户在 {page} 接受条款（有些发布者需要数日审核），将 HF_TOKEN 设为该账户的令牌后重试。",
    ),
    "hubs.bad_token": (
        "{url} does not accept the token that it was shown.",
        "{url} 不接受所提供的令牌。",
    ),
    "hubs.bad_token.next": (
        "Make a new token, set HF_TOKEN to it (or, for a public model, leave it out), and type the same command again.",
        "请创建新令牌并将 HF_TOKEN 设为该令牌（公开模型可不设置），然后重试。",
    ),
    "hubs.forbidden": (
        "{url} may not be read without permission (HTTP {status}).",
        "没有权限读取 {url}（HTTP {status}）。",
    ),
    "hubs.forbidden.next": (
        "Check the address and the token (HF_TOKEN for Hugging Face, MODELSCOPE_API_TOKEN for ModelScope). Then type the same "
        "command again.",
        "请检查网址和令牌（Hugging Face 用 HF_TOKEN，魔搭用 MODELSCOPE_API_TOKEN），然后重试。",
    ),
    "hubs.busy": (
        "{url} is asked too often and wants to be left alone for {wait} (HTTP 429).",
        "对 {url} 的请求过于频繁，服务器要求等待 {wait}（HTTP 429）。",
    ),
    "hubs.busy.next": (
        "Type the same command again after that time. A token in HF_TOKEN allows more on Hugging Face.",
        "请在此时间之后重试。在 Hugging Face 上设置 HF_TOKEN 可获得更高的限额。",
    ),
    "hubs.refused": ("{url} answered with HTTP {status}.", "{url} 返回 HTTP {status}。"),
    "hubs.refused.next": (
        "Type the same command again later, or use a mirror of the hub: HF_ENDPOINT=https://HOST for Hugging Face, "
        "MODELSCOPE_ENDPOINT for ModelScope, --ollama-registry for Ollama.",
        "请稍后重试，或使用镜像：Hugging Face 设置 HF_ENDPOINT=https://主机，魔搭设置 MODELSCOPE_ENDPOINT，"
        "Ollama 使用 --ollama-registry。",
    ),
    "hubs.network": ("{url} could not be reached: {reason}.", "无法访问 {url}：{reason}。"),
    "hubs.network.next": (
        "Check the connection (behind a proxy set HTTPS_PROXY) and type the same command again.",
        "请检查网络（使用代理时设置 HTTPS_PROXY）后重试。",
    ),
    "hubs.no_hub": ("{title} could not be reached ({url}): {reason}.", "无法访问 {title}（{url}）：{reason}。"),
    "hubs.no_hub.next": (
        "Check the connection (behind a proxy set HTTPS_PROXY) and type the same command again, or use a mirror of "
        "{title}: {setting}=https://HOST",
        "请检查网络（使用代理时设置 HTTPS_PROXY）后重试，或使用 {title} 的镜像：{setting}=https://主机",
    ),
    "hubs.no_mirror": (
        "{server}, which is set for {title}, could not be reached ({url}): {reason}.",
        "无法访问为 {title} 设置的 {server}（{url}）：{reason}。",
    ),
    "hubs.no_mirror.next": (
        "Check {setting} (or the setting in its place) and the connection (behind a proxy set HTTPS_PROXY), or leave it "
        "out to ask {usual}.",
        "请检查 {setting}（或相应的设置）和网络（使用代理时设置 HTTPS_PROXY），或不设置以使用 {usual}。",
    ),
    "hubs.redirects": ("{url} redirects without end.", "{url} 重定向次数过多。"),
    "hubs.redirects.next": (
        "Open it in a browser: a network may want you to sign in first. Then type the same command again.",
        "请在浏览器中打开：网络可能要求先登录。然后重试。",
    ),
    "hubs.bad_url": ("{url} is not an address that can be fetched.", "{url} 不是可以访问的网址。"),
    "hubs.bad_url.next": (
        "Give the address of a .gguf file: homeroom show https://HOST/PATH/FILE.gguf",
        "请给出 .gguf 文件的网址：homeroom show https://主机/路径/文件.gguf",
    ),
    "hubs.bad_answer": (
        "{url} gave an answer that makes no sense ({reason}).",
        "{url} 的回答无法理解（{reason}）。",
    ),
    "hubs.bad_answer.next": (
        "Open it in a browser: a network may want you to sign in first. Then type the same command again.",
        "请在浏览器中打开：网络可能要求先登录。然后重试。",
    ),
    "hubs.not_a_file": (
        "{url} is a page ({kind}), not a file.",
        "{url} 是网页（{kind}），不是文件。",
    ),
    "hubs.not_a_file.next": (
        "Give the address of the .gguf file itself; on Hugging Face it has /resolve/ where its page has /blob/.",
        "请给出 .gguf 文件本身的网址；在 Hugging Face 上，文件网址含 /resolve/，而页面网址含 /blob/。",
    ),
    "hubs.bad_range": (
        "{url} does not send the part of the file that was asked for.",
        "{url} 没有返回所请求的文件部分。",
    ),
    "hubs.bad_range.next": (
        "Something between may be in the way (a proxy, a virus scanner). Try again without it, or fetch the file yourself and "
        "give its path: homeroom show FILE.gguf",
        "可能受到中间设备影响（代理、杀毒软件）。请绕过后重试，或自行下载后给出路径：homeroom show 文件.gguf",
    ),
    "hubs.encoded": (
        "{url} sends the file compressed, so that no part of it can be read.",
        "{url} 以压缩方式发送文件，无法读取其中一部分。",
    ),
    "hubs.encoded.next": (
        "Fetch the file yourself and give its path: homeroom show FILE.gguf",
        "请自行下载后给出路径：homeroom show 文件.gguf",
    ),
    "hubs.no_size": (
        "{url} does not say how large it is.",
        "{url} 没有说明文件大小。",
    ),
    "hubs.no_size.next": (
        "Fetch the file yourself and give its path: homeroom show FILE.gguf",
        "请自行下载后给出路径：homeroom show 文件.gguf",
    ),
    "hubs.changed": (
        "{url} was replaced by another file while it was read.",
        "{url} 在读取过程中被替换。",
    ),
    "hubs.changed.next": ("Type the same command again.", "请重试。"),
    "hubs.too_much": (
        "{url} needs more than {limit} to be looked at; it was left alone.",
        "查看 {url} 需要超过 {limit} 的流量，已停止。",
    ),
    "hubs.too_much.next": (
        "Fetch the file yourself and give its path: homeroom show FILE.gguf",
        "请自行下载后给出路径：homeroom show 文件.gguf",
    ),
    "hubs.too_many": (
        "{url} has more than {most} files; it was left alone.",
        "{url} 的文件超过 {most} 个，已停止查看。",
    ),
    "hubs.too_many.next": (
        "Give the address of the file itself: homeroom show https://HOST/PATH/FILE.gguf",
        "请直接给出文件的网址：homeroom show https://主机/路径/文件.gguf",
    ),
    "hubs.slow": (
        "{url} was not read within {seconds} s.",
        "未能在 {seconds} 秒内读取 {url}。",
    ),
    "hubs.slow.next": (
        "Check the connection and type the same command again, or use a mirror of the hub: HF_ENDPOINT=https://HOST for "
        "Hugging Face, MODELSCOPE_ENDPOINT for ModelScope, --ollama-registry for Ollama.",
        "请检查网络后重试，或使用镜像：Hugging Face 设置 HF_ENDPOINT=https://主机，魔搭设置 MODELSCOPE_ENDPOINT，"
        "Ollama 使用 --ollama-registry。",
    ),
}
