"""From a Hugging Face ``config.json`` to GGUF metadata: the reader, the common keys, one module a group of families."""
