"""Pure functions on text and HTML. No Spark here: stages call these from Arrow batches, tests call them."""
