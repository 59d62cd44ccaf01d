# Needs Python >= 3.11, make and pip; makes its own environment in .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-crash soak-crash soak coverage test-lowest test-newest test-all lint bench format clean

demo: .venv/ready ## sample, pack, open, decode, contact sheet
	rm -rf demo
	$(BIN)/python examples/demo.py demo

test: .venv/ready ## the whole suite
	$(BIN)/python -m pytest -n auto --dist worksteal -q

test-crash: .venv/ready ## packing is ended at many of its calls; `make test` tries a quarter of them
	PACKHOUSE_CRASH=many $(BIN)/python -m pytest -n auto --dist worksteal -q tests/crash/test_every_call.py

soak-crash: .venv/ready ## packing is ended at every call in every way: a quarter of an hour
	PACKHOUSE_CRASH=all $(BIN)/python -m pytest -n auto --dist worksteal -q tests/crash/test_every_call.py

# these limit or watch the files that a process opens, and would see those of coverage
NOT_COVERED := --deselect tests/imagefile/test_skeleton.py::test_a_file_that_may_not_grow_is_a_clean_error \
	--deselect tests/packing/test_partitions.py::test_many_partitions_with_few_open_files \
	--deselect tests/foreign/test_walker.py::test_no_other_file_is_opened

coverage: .venv/ready ## branches of what writes, reads, guards and extracts; fails below what pyproject.toml says
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n auto -q tests/imagefile tests/maintenance tests/packing tests/trust \
		tests/golden tests/foreign tests/tables/test_table.py tests/test_opening.py tests/test_hostile_manifest.py \
		tests/test_parquet.py tests/deriving $(NOT_COVERED)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

soak: .venv/ready ## every promise is tried, for two hours; SOAK_MINUTES=10 ONLY="flips,readers"; writes the figures of docs/trust.md
	PYTHONPATH=tests SOAK_MINUTES="$(SOAK_MINUTES)" ONLY="$(ONLY)" $(BIN)/python -m soak

test-all: test test-crash .venv/frameworks ## that, and the adapters with PyTorch, Keras, Grain and Hugging Face, installed for it
	PACKHOUSE_FRAMEWORKS=all $(BIN)/python -m pytest -n auto -q tests/adapters tests/test_docs.py

test-lowest: .venv-lowest/ready ## the suite with the oldest versions of everything that is allowed
	.venv-lowest/bin/python -m pytest -n auto --dist worksteal -q

test-newest: ## the suite with the newest versions of everything, installed anew
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	.venv-newest/bin/python -m pytest -n auto --dist worksteal -q

lint: .venv/ready ## style, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready ## ratios against tar, bare reads and other formats, in one run; ONLY=notebook SCALE=0.1
	$(BIN)/python benchmarks/run.py $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE))

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "packhouse needs Python >= 3.11; say make PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.venv-lowest/ready: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt -e '.[dev]'
	touch $@

# PyTorch first: of what asks for it, pip would else take another build
.venv/frameworks: .venv/ready constraints-frameworks.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-frameworks.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c constraints-frameworks.txt \
		-e '.[torch,keras,grain,hf]' torchdata lightning accelerate albumentations
	touch $@

clean:
	rm -rf .venv .venv-lowest .venv-newest demo bench-out
