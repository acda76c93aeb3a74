"""From crawl files to records, and from bytes to text."""
