"""Stage 4: language, rules, and whether Wikipedia would cite the page."""
