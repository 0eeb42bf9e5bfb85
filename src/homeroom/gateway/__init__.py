"""HTTP: dialects, keys, default deny."""
