"""Stage 3: exact and near duplicates, in a run and on files of their own."""
