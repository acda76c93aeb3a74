"""skypile: raw web crawl to a Chinese-English pre-training corpus, with the fate of every page on record."""

from skypile.version import __version__ as __version__
