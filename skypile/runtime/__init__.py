"""How code runs: Spark's session, sandboxes, processes, Arrow batches, progress, files."""
