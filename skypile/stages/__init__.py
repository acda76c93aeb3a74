"""DataFrame to DataFrame, one file a stage."""
