"""Getting a model: what its words mean, which file of it suits this machine, and fetching that into the store.

``puller`` brings together ``words`` (what is meant), ``choice`` (what suits), ``plan`` (what would be done) and ``fetch``.
"""

from homeroom.engine.pull.puller import GETTABLE, Puller

__all__ = ["GETTABLE", "Puller"]
