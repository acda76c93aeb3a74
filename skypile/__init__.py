"""skypile: raw web crawl to a Chinese-English pre-training corpus, with the fate of every page on record."""

__version__ = "0.1.0"
