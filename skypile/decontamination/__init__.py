"""Benchmark items in a corpus: found by n-grams of their questions and choices, and dropped or cut with evidence."""
