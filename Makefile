# Two commands matter: `make demo` and `make test`. Both set everything up from a fresh clone.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
# nox runs its sessions in this environment, so its tools must be found first.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo test bench lock release release-key clean

demo: $(STAMP)
	$(VENV)/bin/mrk demo $(DEMO_ARGS)

test: $(STAMP)
	.ci/servers
	$(VENV)/bin/nox

bench: $(STAMP)
	$(VENV)/bin/nox -s bench

$(STAMP): pyproject.toml requirements.lock setup.py $(wildcard mrk/estimate/kernel/*.[ch])
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)

# Newest versions that pyproject.toml admits, all pinned, for development and CI alike.
lock: $(STAMP)
	$(VENV)/bin/python -m pip install --quiet pip-tools
	$(VENV)/bin/pip-compile --quiet --all-extras --strip-extras --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --no-header \
		--output-file requirements.lock pyproject.toml

# The archive of this machine's kind in dist/: make release KEY=FILE URL=ADDRESS
release: $(STAMP)
	$(VENV)/bin/python -m releasing release $(KEY) --url "$(URL)"

release-key: $(STAMP)
	$(VENV)/bin/python -m releasing key $(KEY)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
