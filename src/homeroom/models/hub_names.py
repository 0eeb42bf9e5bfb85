"""The names of models that are elsewhere, and the servers that they are looked up on.

Knows the forms ``hf:ORG/REPO[:QUANT]``, ``ms:...``, ``ollama:NAME[:TAG]`` and addresses, and where a user says which
server and token to use; asks nobody (``hubs`` does).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from homeroom.errors import SettingsError, UnknownModel
from homeroom.kept import read_bytes
from homeroom.models.addresses import Token, address
from homeroom.models.gguf_reader import plain

Hub = Literal["hf", "ms", "ollama", "url"]

DEFAULTS: Final[Mapping[str, str]] = {
    "hf": "https://huggingface.co",
    "ms": "https://modelscope.cn",
    "ollama": "https://registry.ollama.ai",
}
TITLES: Final[Mapping[str, str]] = {"hf": "Hugging Face", "ms": "ModelScope", "ollama": "Ollama", "url": "HTTP"}
SERVER_SETTINGS: Final[Mapping[str, str]] = {
    "hf": "HF_ENDPOINT",
    "ms": "MODELSCOPE_ENDPOINT",
    "ollama": "--ollama-registry",
}
"""What a user sets where another server is to be asked."""
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "hf": ("hf:ORG/REPO[:QUANT]", "hf:bartowski/DeepSeek-R1-Distill-Qwen-7B-GGUF:Q4_K_M"),
    "ms": ("ms:ORG/REPO[:QUANT]", "ms:Qwen/Qwen3-8B-GGUF:Q4_K_M"),
    "ollama": ("ollama:NAME[:TAG]", "ollama:deepseek-r1:7b"),
    "url": ("https://HOST/PATH/FILE.gguf", "https://HOST/PATH/FILE.gguf"),
}
_NAME: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_-])?"
_REFERENCE: Final[Mapping[str, re.Pattern[str]]] = {
    "hf": re.compile(rf"(?P<repository>{_NAME}(?:/{_NAME})?)(?::(?P<choice>[^:\\]{{1,200}}))?"),
    "ms": re.compile(rf"(?P<repository>{_NAME}/{_NAME})(?::(?P<choice>[^:\\]{{1,200}}))?"),
    "ollama": re.compile(rf"(?P<repository>(?:{_NAME}/)?{_NAME})(?::(?P<choice>{_NAME}))?"),
}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HF_HOSTS: Final = ("huggingface.co/", "hf.co/", "https://huggingface.co/", "https://hf.co/")
_HF_HOST: Final = re.compile(r"(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_FILE: Final = re.compile(rf"({_NAME}/{_NAME})/([A-Za-z0-9_][A-Za-z0-9_./+-]{{0,200}}\.gguf)", re.IGNORECASE)
"""A file's path after its repository's, with a slash in place of the colon."""
_BARE: Final = re.compile(rf"{_NAME}/{_NAME}(?::[^:/\\]{{1,200}})?")
SECRET: Final = re.compile(r"[\x21-\x7e]{1,4096}")
"""What a token may be made of; the longest are those of registries, which are signed."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The servers that are asked, without a slash at the end, and the tokens for the first two of them."""

    hf: str = DEFAULTS["hf"]
    ms: str = DEFAULTS["ms"]
    ollama: str = DEFAULTS["ollama"]
    hf_secret: str | None = field(default=None, repr=False)
    ms_secret: str | None = field(default=None, repr=False)

    @property
    def token(self) -> Token | None:
        """For Hugging Face (or the mirror in its place), and only where nobody can listen in."""
        return Token(self.hf, self.hf_secret) if self.hf_secret and _private(self.hf) else None

    @property
    def ms_token(self) -> Token | None:
        """For ModelScope; as bearer and as the cookie that its older doors want."""
        return Token(self.ms, self.ms_secret, "m_session_id") if self.ms_secret and _private(self.ms) else None


def _private(server: str) -> bool:
    """Whether nobody can listen in on the way to *server*."""
    parts = urlsplit(server)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Reference:
    """A model somewhere else, as the user names it."""

    hub: Hub
    repository: str
    """``ORG/REPO``; ``NAMESPACE/NAME`` of the Ollama registry; the whole address for ``url``."""
    choice: str = ""
    """Quantization, file name or tag; empty where none is given."""

    @property
    def shown(self) -> str:
        """As the user may see it, without any secret."""
        if self.hub == "url":
            return address(self.repository)
        name = self.repository.removeprefix("library/") if self.hub == "ollama" else self.repository
        return f"{self.hub}:{name}" + (f":{self.choice}" if self.choice else "")


def endpoints(
    hf: str = "", modelscope: str = "", ollama: str = "", environment: Mapping[str, str] | None = None
) -> Endpoints:
    """The servers by homeroom's settings (*hf*, *modelscope*, *ollama*), else by the hubs' own variables, else the usual.

    ``HF_ENDPOINT``, ``MODELSCOPE_ENDPOINT`` and its older ``MODELSCOPE_DOMAIN`` are those of the hubs' own tools; the
    tokens are ``HF_TOKEN``'s, else the one that ``hf auth login`` has written, and ``MODELSCOPE_API_TOKEN``'s (what
    ``modelscope login`` writes is a pickle, which is not opened). Raises SettingsError for one that is no address.
    """
    environment = os.environ if environment is None else environment
    given = {
        "hf": (("hf_endpoint", hf), ("HF_ENDPOINT", environment.get("HF_ENDPOINT", ""))),
        "ms": (
            ("modelscope_endpoint", modelscope),
            *((name, environment.get(name, "")) for name in ("MODELSCOPE_ENDPOINT", "MODELSCOPE_DOMAIN")),
        ),
        "ollama": (("ollama_registry", ollama),),
    }
    chosen: dict[str, str] = {}
    for hub, places in given.items():
        name, value = next(((name, value) for name, value in places if value.strip()), ("", DEFAULTS[hub]))
        chosen[hub] = _server(name, value.strip(), DEFAULTS[hub])
    secret = environment.get("MODELSCOPE_API_TOKEN", "").strip()
    ms_secret = secret if SECRET.fullmatch(secret) else None
    return Endpoints(chosen["hf"], chosen["ms"], chosen["ollama"], _hf_secret(environment), ms_secret)


def _server(name: str, value: str, default: str) -> str:
    server = value if "://" in value else f"https://{value}"
    try:
        parts = urlsplit(server)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and parts.port != 0
    except ValueError:
        good = False
    if not good or not server.isprintable():
        raise SettingsError("hubs.bad_endpoint", name=name, value=address(value), default=default)
    return server.rstrip("/")


def _hf_secret(environment: Mapping[str, str]) -> str | None:
    """The token, as huggingface_hub finds it (``constants.HF_TOKEN_PATH``)."""
    secret = environment.get("HF_TOKEN") or environment.get("HUGGING_FACE_HUB_TOKEN") or ""
    if not secret.strip():
        try:
            home = environment.get("HF_HOME") or str(
                Path(environment.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
            )
            path = Path(environment.get("HF_TOKEN_PATH") or str(Path(home) / "token")).expanduser()
            secret = read_bytes(path, 1024).decode("ascii", "replace")
        except (OSError, ValueError, RuntimeError):  # none is there, or no home
            return None
    secret = secret.strip()
    return secret if SECRET.fullmatch(secret) else None


def parse(model: str) -> Reference | None:
    """The reference that *model* is; None for what is a name or a path.

    Raises UnknownModel for one that begins as a reference and is none.
    """
    model = model.strip()
    scheme = _SCHEME.match(model)
    if scheme:
        if scheme[1].lower() not in ("http", "https") or not model.isprintable() or not _address(model):
            raise _bad(model, "url")
        return Reference("url", model)
    if host := _HF_HOST.match(model):  # as other tools write it
        path = model[host.end() :]
        if path.partition(":")[0].count("/") > 1:
            return parse(f"https://{model}")
        model = f"hf:{path}"
    hub, colon, rest = model.partition(":")
    hub = hub.lower()
    if not colon or hub not in _REFERENCE:
        return None
    kind: Hub = "hf" if hub == "hf" else "ms" if hub == "ms" else "ollama"
    if kind == "ollama" and rest.lower().startswith(_HF_HOSTS[:2]):
        kind, rest = "hf", rest.partition("/")[2]  # Ollama's way to name a model of Hugging Face
    match = _REFERENCE[kind].fullmatch(rest)
    if match is None or ".." in match["repository"] or not rest.isprintable():
        if (file := _FILE.fullmatch(rest)) and kind != "ollama" and rest.isprintable():
            raise UnknownModel("hubs.file_form", model=model, right=f"{kind}:{file[1]}:{file[2]}")
        raise _bad(model, kind)
    repository, choice = match["repository"], match["choice"] or ""
    if kind == "ollama" and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(kind, repository, choice)


def bare(model: str) -> str | None:
    """The reference that *model* would be with its hub before it (``ORG/REPO[:QUANT]``); None where it would be none."""
    model = model.strip()
    return f"hf:{model}" if _BARE.fullmatch(model) and ".." not in model else None


def _address(url: str) -> bool:
    """Whether *url* has a host and a port that can be."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _bad(model: str, hub: Hub) -> UnknownModel:
    form, example = _FORMS[hub]
    seen = address(plain(model))
    return UnknownModel("hubs.bad_reference", model=seen, hub=TITLES[hub], form=form, example=example)
