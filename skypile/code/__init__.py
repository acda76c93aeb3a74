"""Source code of repositories: rules, licences, duplicates, and data formats in proportion."""
