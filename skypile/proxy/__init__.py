"""Small language models that judge corpora: n-grams and transformers, and their losses on held-out text."""
