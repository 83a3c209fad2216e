# Every verb installs what it needs into .venv first. The index is .geobrief, or GEOBRIEF_INDEX.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
BIN := .venv/bin
WORKERS ?= 2
SYSTEMS := bm25,dense,hybrid,full
Q ?= what sectors will they cooperate on

.DEFAULT_GOAL := help
.PHONY: help setup run ask test test-all test-long check format eval eval-all baseline bench servers train

help:
	@echo "make run                 install, ingest corpus/, start the chat on http://$(HOST):$(PORT)"
	@echo 'make ask Q="..."         answer one question in the terminal'
	@echo "make setup               install into .venv"
	@echo "make test | test-all     fast tests | all, with real models and a browser"
	@echo "make test-long           what takes minutes more: a Ray that is killed in every way, a minute of load"
	@echo "make check | format      ruff, mypy, import-linter | rewrite the layout of the code"
	@echo "make eval                questions on corpus/, compared with evals/baseline.json"
	@echo "make eval-all DATA=DIR   every benchmark, into the tables of evals/README.md"
	@echo "make bench [DATA=DIR]    ingest against the bare model's speed"
	@echo "make train DATA=DIR      make the reader, the verifier and the weights of the signals again"

setup: .venv/.installed

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@ .venv/.installed

run: setup
	@$(BIN)/geobrief ingest corpus
	@exec $(BIN)/python app.py --host "$(HOST)" --port "$(PORT)" $(SERVE)

ask: setup
	@$(BIN)/geobrief ingest corpus >/dev/null
	@$(BIN)/geobrief ask "$$QUESTION"

# Through the environment, so that quotes and dollars in the question reach nobody's shell.
ask: export QUESTION = $(value Q)

test: .venv/.installed-dev
	$(BIN)/python -m pytest -m "not slow and not browser" -q

test-all: .venv/.installed-dev servers
	$(BIN)/python -m pytest -m "not long" -q --numprocesses $(WORKERS) --dist loadfile
	$(MAKE) eval

test-long: .venv/.installed-dev servers
	$(BIN)/python -m pytest -m long -q

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed-dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

# Debian's Chromium and PostgreSQL, which tests start; they are skipped where these cannot be installed.
servers:
	@command -v chromium >/dev/null && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	  apt-get install -qq -y --no-install-recommends chromium postgresql >/dev/null; } || \
	  echo "chromium or postgresql is missing and cannot be installed; their tests will be skipped"

# The dev questions; fails when something is significantly worse than the committed figures.
eval: setup
	@$(BIN)/geobrief eval --dataset briefs --split dev --systems $(SYSTEMS) --json .geobrief-eval.json >/dev/null
	@$(BIN)/geobrief eval compare .geobrief-eval.json evals/baseline.json --fail-on-drop

# Makes the figures of the last `make eval` the committed ones.
baseline: setup
	@$(BIN)/python -m evals.baseline .geobrief-eval.json

eval-all: setup
	$(BIN)/python -m evals.all $(if $(DATA),--data "$(DATA)")

bench: setup
	$(BIN)/python -m evals.bench.ingest $(if $(DATA),--data "$(DATA)")

# Hours, or an hour where the CPU multiplies bfloat16; stopped and started again it goes on from its checkpoints.
TRAIN := $(BIN)/python -m evals.training
SECOND := --start .training/reader/first --keep-head --lr 5e-5
LATER := --keep-head --lr 5e-5 --context-tokens 36 --loss each
VERIFIER := --loss binary --candidates 1 --questions 32 --tokens 192 --start .training/reader/first
train: .venv/.installed-dev
	test -e .training/reader/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/reader
	$(TRAIN).reader.train --work .training/reader --steps 1364
	$(TRAIN).reader.export --work .training/reader --out .training/reader/first
	test -e .training/second/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/second --course 2
	$(TRAIN).reader.train --work .training/second --steps 950 $(SECOND)
	$(TRAIN).reader.export --work .training/second --out .training/second/export
	test -e .training/third/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/third --course 3
	$(TRAIN).reader.train --work .training/third --steps 900 --start .training/second/export $(LATER)
	$(TRAIN).reader.export --work .training/third --out .training/third/export
	test -e .training/fourth/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/fourth --course 4
	$(TRAIN).reader.train --work .training/fourth --steps 1000 --start .training/third/export $(LATER) --searched 16 --candidates 6
	$(TRAIN).reader.export --work .training/fourth --out .training/fourth/export
	test -e .training/fifth/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/fifth --course 5
	$(TRAIN).reader.train --work .training/fifth --steps 1250 --start .training/fourth/export $(LATER) --searched 16 --candidates 6
	$(TRAIN).reader.export --work .training/fifth --out .training/fifth/export
	test -e .training/sixth/counts.json || $(TRAIN).reader.prepare $(if $(DATA),--data "$(DATA)") --out .training/sixth --course 6
	$(TRAIN).reader.train --work .training/sixth --steps 1900 --start .training/fifth/export $(LATER) --searched 16 --candidates 6
	$(TRAIN).reader.export --work .training/sixth --out rag/models/reader
	test -e .training/verifier/counts.json || $(TRAIN).verifier.prepare $(if $(DATA),--data "$(DATA)") --out .training/verifier
	$(TRAIN).reader.train --work .training/verifier --name verifier --steps 500 $(VERIFIER)
	$(TRAIN).reader.export --work .training/verifier --name verifier --out rag/models/verifier
	$(TRAIN).verifier.calibrate $(if $(DATA),--data "$(DATA)") --write
	$(TRAIN).head.fit $(if $(DATA),--data "$(DATA)") --cache .training/head --reader rag/models/reader --write
