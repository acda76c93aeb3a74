"""Small language models that judge corpora: n-grams and transformers, and their losses on held-out text."""

import os

# PyTorch's threads sleep while they wait for each other, instead of turning: where other work had a core as well, two
# threads that turn trained the 1m at 9,400 tokens/s, two that sleep at 14,500, one at 13,300; at a load of 5 on 2 cores
# turning left 1,100. No result depends on it. OpenMP reads it when it is loaded, with PyTorch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
