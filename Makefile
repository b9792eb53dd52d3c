# The commands of a developer and of CI. Everything they need is put into .venv when the requirements have changed.

BIN := .venv/bin
# Arguments for pytest, for example: make test ARGS="tests/portal -k login"
ARGS ?=

.PHONY: help run test check chromium node clean
.DELETE_ON_ERROR:

help:
	@echo "make run    start everything: database, backend, portal, worker, GitHub stand-in (Ctrl-C stops it)"
	@echo "make test   run every test, the browser's included"
	@echo "make check  run the linters, the types and the architecture contracts"
	@echo "make clean  remove .venv and the development database"

run: .venv/installed
	@$(BIN)/python -m config.development

# What measures time runs alone; everything else on two cores. Exit code 5: ARGS chose nothing of this half.
test: .venv/installed-dev chromium node
	@$(BIN)/python -m pytest -m alone $(ARGS) || test $$? = 5
	@$(BIN)/python -m pytest -m "not alone" -n 2 --dist loadfile $(ARGS) || test $$? = 5

check: .venv/installed-dev
	@$(BIN)/python -m tests.architecture

# pip compiles what it installs, also where PYTHONDONTWRITEBYTECODE is set: servers start three times as fast.
.venv/installed: requirements.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	@touch $@

.venv/bin/python:
	@for python in python3.11 python3 python3.12 python3.13 python3.14; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			$$python -m venv .venv && exit 0; \
		fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed. On Debian: apt-get install python3 python3-venv" >&2; exit 1

chromium:
	@if command -v chromium >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; \
	else \
		echo "The browser tests need /usr/bin/chromium. On Debian: sudo apt-get install chromium" >&2; exit 1; \
	fi

# Two of the independent OAuth clients that the tests run are npm packages.
node:
	@if command -v npm >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm; \
	else \
		echo "The tests with independent clients need Node.js and npm. On Debian: sudo apt-get install nodejs npm" >&2; exit 1; \
	fi

clean:
	rm -rf .venv .local
