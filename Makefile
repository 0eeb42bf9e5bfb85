# homeroom. Needs Python >= 3.11, make and the package index that pip is configured for; nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: up test check bench catalogue build clean

up: $(VENV)/.installed            ## get a model if there is none, start engine and gateway
	@$(BIN)/homeroom up $(ARGS)

test: $(VENV)/.tested             ## the whole test suite, with the real model and the real clients
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.checked           ## ruff, mypy strict, and the tests of structure and documentation
	$(BIN)/ruff format --check src tests bench docs catalogue
	$(BIN)/ruff check src tests bench docs catalogue
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/house

bench: $(VENV)/.tested            ## gateway against bare engine; start-up; downloads beside curl; memory and speed told against the engine and a peer
	$(BIN)/python bench/gateway.py $(ARGS)
	$(BIN)/python bench/startup.py $(ARGS)
	$(BIN)/python bench/download.py
	$(BIN)/python bench/fit_speed.py
	$(BIN)/python bench/fit_accuracy.py
	$(BIN)/python bench/speed_accuracy.py

catalogue: $(VENV)/.installed     ## the catalogue's data file from catalogue/*.toml; tells what is wrong with an entry
	$(BIN)/python catalogue/make.py $(ARGS)

build: $(VENV)/.checked           ## the wheel and the sdist, in dist/
	$(BIN)/python -m build --outdir dist

clean:
	rm -rf $(VENV) dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "homeroom needs Python >= 3.11: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "installing homeroom into $(VENV) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.checked: $(VENV)/.tested
	$(PIP) -e '.[test,check]' build
	@touch $@
