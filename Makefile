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
	@echo "make train DATA=DIR      make the readers, the verifier and the weights of the signals again"

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

# A dozen hours where the CPU multiplies bfloat16, else two days; stopped and started again it goes on from its checkpoints.
TRAIN := $(BIN)/python -m evals.training
PREPARE = $(if $(DATA),--data "$(DATA)") --out .training
SECOND := --keep-head --lr 5e-5
LATER := $(SECOND) --context-tokens 36 --loss each
HARDEST := $(LATER) --searched 16 --candidates 6
VERIFIER := --loss binary --candidates 1 --questions 32 --tokens 192 --start .training/reader/export
# A course of the reader: its folder, its number, its steps, the course before, and how it differs from the first.
define PREPARED
test -e .training/$(1)/counts.json || $(TRAIN).reader.prepare $(PREPARE)/$(1) --course $(2)
endef
define COURSE
$(call PREPARED,$(1),$(2))
$(TRAIN).reader.train --work .training/$(1) --steps $(3) $(if $(4),--start .training/$(4)/export) $(5)
$(TRAIN).reader.export --work .training/$(1) --out .training/$(1)/export
endef
# A course of the closer reader: its name, the folder of its questions, its steps, where it starts, and how it differs.
CLOSER := --layers 12 --context-tokens 36 --loss each --candidates 6
SOUGHT := --keep-head --lr 6e-5 --searched 16 --seeker .training/final/packed
define CLOSE
$(TRAIN).reader.train --work .training/$(2) --name $(1) --steps $(3) --start .training/$(4) $(CLOSER) $(5)
$(TRAIN).reader.export --work .training/$(2) --name $(1) --out .training/$(1)/export
$(TRAIN).pack --of .training/$(1)/export --out .training/$(1)/packed
endef
train: .venv/.installed-dev
	$(call COURSE,reader,1,1364)
	$(call COURSE,second,2,950,reader,$(SECOND))
	$(call COURSE,third,3,900,second,$(LATER))
	$(call COURSE,fourth,4,1000,third,$(HARDEST))
	$(call COURSE,fifth,5,1250,fourth,$(HARDEST))
	$(call COURSE,sixth,6,1900,fifth,$(HARDEST))
	$(call COURSE,seventh,7,1150,sixth,$(HARDEST))
	$(TRAIN).reader.train --work .training/seventh --name rest --steps 1120 --passed 18400 --start .training/seventh/export $(HARDEST)
	$(TRAIN).reader.export --work .training/seventh --name rest --out .training/rest/export
	$(call COURSE,eighth,8,1750,rest,$(HARDEST))
	$(TRAIN).reader.average --of .training/seventh/export=.3 .training/rest/export=.3 .training/eighth/export=.4 --out .training/mean/export
	$(call COURSE,ninth,9,770,mean,$(HARDEST))
	$(call COURSE,tenth,10,1000,ninth,$(HARDEST))
	$(TRAIN).reader.average --of .training/mean/export=.35 .training/tenth/export=.65 --out .training/final/export
	$(TRAIN).pack --of .training/final/export --out .training/final/packed
	test -e .training/e5-small/model.safetensors || $(TRAIN).fetch --out .training
	$(call CLOSE,close-first,tenth,480,e5-small,--lr 8e-5)
	$(call PREPARED,eleventh,11)
	$(call CLOSE,close-second,eleventh,1700,close-first/export,--keep-head --lr 7e-5)
	$(call CLOSE,close-third,eleventh,970,close-second/export,--keep-head --lr 6e-5 --passed 27200)
	$(call PREPARED,twelfth,12)
	$(call CLOSE,close-fourth,twelfth,602,close-third/packed,$(SOUGHT))
	$(call PREPARED,thirteenth,13)
	$(call CLOSE,close-fifth,thirteenth,600,close-fourth/packed,$(SOUGHT))
	$(call PREPARED,fourteenth,14)
	$(call CLOSE,close-sixth,fourteenth,660,close-fifth/packed,$(SOUGHT))
	$(TRAIN).reader.average --of .training/close-fifth/packed=.5 .training/close-sixth/packed=.5 --out .training/close-mean/export
	$(TRAIN).pack --of .training/close-mean/export --out .training/close-mean/packed
	$(call PREPARED,fifteenth,15)
	test -e .training/hardest/counts.json || $(TRAIN).reader.hard --work .training/fifteenth --reader .training/close-fifth/packed --out .training/hardest
	$(call CLOSE,close-seventh,hardest,720,close-mean/packed,$(SOUGHT))
	$(TRAIN).pack --of .training/close-seventh/export --out rag/models/closer
	$(TRAIN).reader.train --work .training/fifteenth --steps 1000 --start .training/final/packed $(HARDEST)
	$(TRAIN).reader.export --work .training/fifteenth --out .training/fifteenth/export
	$(call COURSE,sixteenth,16,950,fifteenth,$(HARDEST))
	$(TRAIN).pack --of .training/sixteenth/export --out rag/models/reader
	test -e .training/verifier/counts.json || $(TRAIN).verifier.prepare $(PREPARE)/verifier
	$(TRAIN).reader.train --work .training/verifier --name verifier --steps 500 $(VERIFIER)
	$(TRAIN).reader.export --work .training/verifier --name verifier --out .training/verifier/export
	$(TRAIN).pack --of .training/verifier/export --out rag/models/verifier
	$(TRAIN).verifier.calibrate $(if $(DATA),--data "$(DATA)") --write
	$(TRAIN).head.fit $(if $(DATA),--data "$(DATA)") --cache .training/head --reader rag/models/reader --closer rag/models/closer --write
