"""The fast extraction engine: scan, features, trees, text; compiled with Numba, one pass each."""
