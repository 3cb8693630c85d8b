# Each target sets up what it needs in .venv; Python 3.11 or newer and pip suffice.
# To choose the interpreter: make test PYTHON=python3.13

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
PY := $(VENV)/bin/python

# What a user has set for other projects must not reach into this environment.
unexport PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX
# Pictures are written to files, so no display is needed.
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs benchmark pin clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/.ready-base  ## a short tour; pictures go to demo_output/
	$(PY) examples/demo.py

# One thread for each worker: two workers with a thread for each core would share
# the cores, and small networks train faster on one thread. Fits that take two threads
# all the same, as wide ones do, must not keep a core busy while a thread waits for one
# that has no core: those tests took three times as long. SCIPY_ARRAY_API turns on the
# one estimator check that scikit-learn otherwise skips.
test: $(VENV)/.ready-base  ## the test suite with its coverage
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE SCIPY_ARRAY_API=1 \
		$(PY) -m pytest -n $(WORKERS) --cov

lint: $(VENV)/.ready-lint  ## style and spelling; changes nothing
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib

format: $(VENV)/.ready-lint  ## apply what lint asks for, where that is automatic
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# -E reads every page anew: a page read once would not repeat its warnings.
docs: $(VENV)/.ready-docs  ## the documentation, in docs/_build/html; runs the gallery
	$(PY) -m sphinx -E -W --keep-going -n -b html docs docs/_build/html

benchmark: $(VENV)/.ready-benchmark  ## regenerate the tables in benchmarks/results/
	@missed=0; for script in benchmarks/[!_]*.py; do \
		echo "$$script"; $(PY) "$$script" || missed=1; \
	done; exit $$missed

pin: $(PY)  ## rewrite constraints.txt with today's releases; torch stays
	$(PY) .ci/pin.py

clean:  ## remove everything that make wrote, the environment included
	rm -rf $(VENV) build dist demo_output htmlcov .coverage .coverage.*
	rm -rf docs/_build docs/auto_examples docs/api/generated docs/sg_execution_times.rst
	rm -rf .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp file stands for each set of extras that is installed; it
# is out of date when the requirements or the pins are newer.
EXTRAS_base := test,plot
EXTRAS_lint := lint
EXTRAS_docs := docs
EXTRAS_benchmark := benchmark

$(VENV)/.ready-%: pyproject.toml constraints.txt | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e ".[$(EXTRAS_$*)]"
	@touch $@

# VUS asks for tensorflow and more, of which its metrics use nothing.
$(VENV)/.ready-benchmark: $(VENV)/.ready-vus
$(VENV)/.ready-vus: | $(PY)
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps vus==0.0.6
	@touch $@

# Some distributions ship Python without ensurepip, on which venv's own pip rests:
# there the interpreter's pip puts one into the environment.
$(PY):
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV) || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $(PY) install --quiet pip; }
