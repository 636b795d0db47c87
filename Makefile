# LLM Lab: each target sets up what it needs in .venv, once, and can be repeated.
#
#   make lab     open JupyterLab on lesson 00        make test    every check: style, lessons, laws, browser; one verdict
#   make run     run every lesson, write the report  make lint    style and types only
#   make test-long   what takes longer than a few minutes: seeds 0 to 4, mutations of the lessons
#   make readme  write the README's table of lessons from the notebooks
#   make fetch   all weights, tokenizers and texts, for a room without internet
#
# PYTHON=python3.12 picks the interpreter, TORCH="torch==2.13.0 --index-url …" another build of torch, WORKERS=4 how
# many processes share the tests (2 GB of memory each).

PYTHON ?= python3
WORKERS ?= 2
TORCH  ?= $(shell grep '^torch==' requirements.lock)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip install $(shell test -t 2 || echo --quiet)
READY  := .venv/.ready-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: lab run test test-long lint fetch readme lock
.DEFAULT_GOAL := lab

$(READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "LLM Lab needs Python 3.11 or newer; this is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv (once, about 3 minutes) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "  1/3 pip";             $(PIP) --quiet --upgrade "pip>=25"
	@echo "  2/3 $(TORCH)";        $(PIP) $(TORCH)
	@echo "  3/3 everything else"; $(PIP) -r requirements.lock
	@$(PIP) --quiet --no-deps --no-build-isolation -e .
	@rm -f .venv/.ready-* && touch $@
	@echo "Ready."

lab: $(READY)
	$(BIN)/python -m labkit.cli fetch --all
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 notebooks/00_start_here.ipynb

run: $(READY)
	$(BIN)/python -m labkit.cli run

fetch: $(READY)
	$(BIN)/python -m labkit.cli fetch --all

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

test: lint
	$(BIN)/python -m labkit.cli fetch --all
	$(BIN)/python .ci/check.py -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

test-long: $(READY)
	$(BIN)/python -m pytest -m long

readme: $(READY)
	$(BIN)/python .ci/readme.py

lock: $(READY)
	$(BIN)/python .ci/lock.py
