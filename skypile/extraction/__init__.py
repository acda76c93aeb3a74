"""Stage 1: from bytes to main text."""
