"""Stage 2: embed, cluster, thin what recurs."""
