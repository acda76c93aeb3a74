"""Parallel paragraphs: pages of a run that exist in English and in Chinese, aligned line by line."""
