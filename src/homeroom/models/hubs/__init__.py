"""What hubs have: Hugging Face, ModelScope, the Ollama registry, plain addresses. For looking, not for fetching.

Knows how each is asked, and how one model of a repository is chosen; does not know the forms of names (``hub_names``),
what is in a file (``remote``), nor what a ``config.json`` means. All that a hub says is hostile until checked: sizes of
answers, types, names of files. A module a hub; each names the source of its protocol.
"""

from __future__ import annotations

from homeroom.models.hubs.choosing import PREFERRED, choose, kind, models_in
from homeroom.models.hubs.finding import Found, SafetensorsRepository, find

__all__ = ["PREFERRED", "Found", "SafetensorsRepository", "choose", "find", "kind", "models_in"]
