"""homeroom's own store of models on this disk.

``store`` holds it together; ``manifest`` is what it writes about a model, ``links`` the names of shards, ``stamps`` when a
model was used; ``cleaning`` deletes, ``verify`` reads everything again.
"""

from homeroom.models.store.manifest import DIGEST, StoredFile, valid_name
from homeroom.models.store.store import Broken, Listing, Store, StoredModel, by_name

__all__ = ["DIGEST", "Broken", "Listing", "Store", "StoredFile", "StoredModel", "by_name", "valid_name"]
