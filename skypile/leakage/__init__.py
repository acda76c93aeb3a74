"""Was a model trained on a benchmark? What it loses on train, test and look-alike items, and what that can mean."""
