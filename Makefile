PYTHON ?= python3
BIN := .venv/bin
JOBS ?= $(shell nproc 2>/dev/null || echo 1)

.PHONY: leaderboard test lint results clean

leaderboard: .venv/installed
	$(BIN)/archcast leaderboard --repeats 3 --jobs $(JOBS)

test: .venv/installed-dev
	$(BIN)/pytest -n $(JOBS) --dist worksteal

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

results: .venv/installed-dev
	$(BIN)/python -m reproduce.results --jobs $(JOBS) $(if $(CIFAR10),--cifar10 $(CIFAR10))

clean:
	rm -rf .venv results dist
