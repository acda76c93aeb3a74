"""From token shards to a training run: what is drawn of each source, in which phase, in which order."""
