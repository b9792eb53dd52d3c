# The commands of a developer and of CI. Everything they need is put into .venv when the requirements have changed.

BIN := .venv/bin
# Arguments for pytest, for example: make test ARGS="tests/portal -k login"
ARGS ?=

.PHONY: help run test quick check bench torture failover installation lock audit sbom chromium node servers ha containers shells wrk clean
.DELETE_ON_ERROR:

help:
	@echo "make run    start everything: database, backend, portal, worker, GitHub stand-in (Ctrl-C stops it)"
	@echo "make test   run every test, the browser's included"
	@echo "make quick  run the checks and, of each room, the tests that take a moment, each in its first case: one minute"
	@echo "make check  run the linters, the types and the architecture contracts"
	@echo "make bench  measure everything of docs/performance.md (QUICK=1: a short look, AGAINST=3d98e19: beside that commit)"
	@echo "make torture  break every part under load (MINUTES=10 SEED=2): docs/reliability.md"
	@echo "make failover  lose the primary of a PostgreSQL cluster under load, in six ways: docs/high-availability.md"
	@echo "make installation  follow docs/deployment.md on a bare Debian, under systemd (SUITE=trixie): docs/development.md"
	@echo "make lock   resolve the requirements files into the lock files, with hashes"
	@echo "make audit  ask for known weaknesses of everything that is installed"
	@echo "make sbom   list what the product consists of: .local/sbom.json (CycloneDX)"
	@echo "make clean  remove .venv and the development database"

run: .venv/installed
	@$(BIN)/python -m config.development

# Three workers keep two cores busy although tests wait for processes. A worker that has nothing left takes tests from
# another. The order is random; the first lines of the run show its seed.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist worksteal

test: .venv/installed-dev chromium node servers shells ha .local/patroni/installed .local/schemas/installed \
		.local/barman/installed
	@$(PYTEST) -n 3 -m "not alone" $(ARGS)

QUICK := $(addprefix tests/,accounts bookings cli config deploy docs portal sandbox supply tokens)
quick: .venv/installed-dev
	@$(BIN)/python -m tests.architecture
	@$(PYTEST) -n 2 -m "not alone and not slow" $(or $(ARGS),$(QUICK))

check: .venv/installed-dev
	@$(BIN)/python -m tests.architecture

# Every archive must be the one whose hash stands in the lock file; a package that is not in it is not installed.
PIP := -m pip install --quiet --disable-pip-version-check

# pip compiles what it installs, also where PYTHONDONTWRITEBYTECODE is set: servers start three times as fast.
.venv/installed: requirements/production.lock pyproject.toml | .venv/bin/python
	$(BIN)/python $(PIP) --require-hashes --requirement requirements/production.lock
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements/dev.lock
	$(BIN)/python $(PIP) --require-hashes --requirement requirements/dev.lock
	@touch $@

# The tests that measure time run first, one at a time, unless the run is a short one. AGAINST=3d98e19 measures this
# commit beside that one instead.
bench: .venv/installed-dev node wrk chromium
	@$(if $(AGAINST)$(QUICK),true,$(BIN)/python -m pytest -m alone)
	@$(BIN)/python -m bench $(if $(AGAINST),commits)

torture: .venv/installed-dev
	@$(BIN)/python -m tests.fault_injection --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

# A lock is whole: what it leaves out is not wanted.
.local/%/installed: requirements/%.lock | .venv/bin/python
	$(BIN)/python -m venv .local/$*
	.local/$*/bin/python $(PIP) --require-hashes --no-deps --requirement $<
	@touch $@

# Needs root: each node of the cluster gets a network namespace and a disk of its own.
failover: .venv/installed-dev .local/patroni/installed ha
	@$(BIN)/python -m tests.failover $(if $(SEED),--seed $(SEED)) $(ARGS)

# Needs root: boots a Debian in a container with a network of its own, and fetches packages: five to seven minutes.
installation: .venv/installed-dev containers
	@$(BIN)/python -m tests.installation $(if $(SUITE),--suite $(SUITE))

# One lock for Python 3.11 to 3.14 on every platform. What the checks need agrees with what runs.
UV := .local/audit/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

lock: .local/audit/installed
	$(UV) requirements.txt --output-file requirements/production.lock
	$(UV) requirements/dev.txt --constraint requirements/production.lock --output-file requirements/dev.lock
	$(UV) requirements/audit.txt --output-file requirements/audit.lock
	$(UV) requirements/patroni.txt --output-file requirements/patroni.lock
	$(UV) requirements/schemas.txt --output-file requirements/schemas.lock
	$(UV) --no-emit-package psycopg2 requirements/barman.txt --output-file requirements/barman.lock

# Needs the network. What could not be asked is named, and is no success.
audit: .local/audit/installed
	@.local/audit/bin/python -m tests.supply.audit

sbom: .local/audit/installed
	@mkdir -p .local
	@.local/audit/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file .local/sbom.json requirements/production.lock
	@echo ".local/sbom.json"

.venv/bin/python:
	@for python in python3.11 python3 python3.12 python3.13 python3.14; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			$$python -m venv .venv && exit 0; \
		fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed. On Debian: apt-get install python3 python3-venv" >&2; exit 1

# $(call debian,programs,packages,who needs them) installs what is missing where it may, and else says what to do.
# RUNLEVEL=1: a package must not start a service of its own.
debian = @missing=; for program in $(1); do command -v $$program >/dev/null || missing=yes; done; \
	if [ -z "$$missing" ]; then exit 0; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(2); \
	else \
		echo "$(3) $(1). On Debian: sudo apt-get install $(2)" >&2; exit 1; \
	fi

chromium:
	$(call debian,chromium,chromium,The browser tests need)

# Two of the independent OAuth clients that the tests run are npm packages.
node:
	$(call debian,npm,nodejs npm,The tests with independent clients need)

# What deploy/postgresql/ names.
ha:
	$(call debian,etcd haproxy pgbouncer ip tini,--no-install-recommends etcd-server haproxy pgbouncer iproute2 tini,The failover needs)

containers:
	$(call debian,mmdebstrap systemd-nspawn slirp4netns,--no-install-recommends mmdebstrap systemd-container slirp4netns,\
		The installation needs)

# What the product runs behind in deploy/, what watches it, and Apache, an application that signs people in here.
servers:
	$(call debian,nginx pgbouncer redis-server apache2 promtool prometheus-node-exporter prometheus-blackbox-exporter \
		gpg rsync,--no-install-recommends nginx-light pgbouncer redis-server apache2-bin libapache2-mod-auth-openidc \
		prometheus prometheus-node-exporter prometheus-blackbox-exporter gnupg rsync,The tests with other servers need)

# The completion of the command line is tested in the shells themselves.
shells:
	$(call debian,zsh fish,zsh fish,The tests of the command line need)

wrk:
	$(call debian,wrk,wrk,The benchmarks need)

clean:
	rm -rf .venv .local
