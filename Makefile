# Everything a fresh machine needs is Python (3.11 to 3.13), its pip, and make.
#   make demo    the main job on embedded parts, with sample mail
#   make test    every test, against the built wheel and real servers
#   make crash   end the program at any moment, thousands of times; LIVES=… SEED=…
#   make test-postgresql   the same with ledgers on PostgreSQL, but for what is about a ledger in a file
#   make install PREFIX=/opt/intake   the program, in an environment of its own; with EXTRAS="microsoft notify" what
#                those need, too (one word for each file in requirements/ that is named after an extra)
#   make lint    ruff and mypy
#   make fuzz    a long search for what breaks it: EXAMPLES by Hypothesis, then SECONDS by atheris (which it installs)
#                for each target
#   make sbom    what it is made of, as CycloneDX: build/sbom.cdx.json
#   make audit   whether a weakness is known of any library that is pinned (pip-audit; needs the network)
#   make pictures   the pictures of docs/what-people-see.md, from the messages themselves (needs Chromium)
#   make bench   start-up, throughput and rest, against the least that could do the job (needs Dovecot and Postfix)
#   make soak    the service under steady mail while its connections are cut; MINUTES=… (needs Dovecot)
#   make machines   three machines share mailboxes, and lose one, a network, the database (needs root and Dovecot)
#   make lock    resolve the requirements anew (needs uv)

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell $(name) --version >/dev/null 2>&1 && echo $(name))))
VENV ?= .venv
BUILD ?= build
PREFIX ?= /opt/intake
JOBS ?= $(shell expr $$(nproc 2>/dev/null || echo 1) + 1)
ARGS ?=
EXTRAS ?=
OPTIONAL = postgres microsoft google pgp notify plots dkim

# A virtual environment without a pip of its own: Debian's Python can make one without python3-venv,
# and the pip that is there installs into it.
PIP = $(PYTHON) -m pip --python $(VENV)/bin/python --disable-pip-version-check
SOURCES := $(shell find intake templates -type f -not -name '*.pyc') pyproject.toml README.md LICENSE config.example.toml
LOCK = uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: pictures demo test test-postgresql machines crash install lint format bench fuzz soak sbom audit venv wheel lock clean

demo: $(VENV)/.demo $(VENV)/.wheel
	@PYTHONSAFEPATH=1 $(VENV)/bin/intake demo $(ARGS)

test: $(VENV)/.dev $(VENV)/.wheel
	@PYTHON=$(PYTHON) tests/servers/install
	@selection="$$(tests/servers/install --select)" && \
	INTAKE_TEST_WHEEL=1 PYTHONSAFEPATH=1 $(VENV)/bin/python -m pytest -o pythonpath=tests -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "$$selection" $(ARGS)

test-postgresql:
	@INTAKE_TEST_LEDGER=postgresql $(MAKE) --no-print-directory test

install: $(BUILD)/.wheel
	@test -x $(PREFIX)/bin/python || $(PYTHON) -m venv --without-pip $(PREFIX)
	@$(PYTHON) -m pip --python $(PREFIX)/bin/python --disable-pip-version-check install --quiet --require-hashes --no-deps --requirement requirements/core.txt $(foreach extra,$(EXTRAS),--requirement requirements/$(extra).txt)
	@$(PYTHON) -m pip --python $(PREFIX)/bin/python --disable-pip-version-check install --quiet --force-reinstall --no-deps --no-index $(BUILD)/wheel/*.whl
	@PYTHONDONTWRITEBYTECODE= $(PREFIX)/bin/python -m compileall -q $(PREFIX)/lib || true
	@echo "Installed: $$($(PREFIX)/bin/intake --version), as $(PREFIX)/bin/intake"
	@case "$$(readlink -f $(PREFIX)/bin/python)" in /home/*|/root/*) \
	echo "Its Python is in somebody's home, where other users can't run it; if they should: remove $(PREFIX), and name a Python of the system with PYTHON=…";; esac

bench: $(VENV)/.dev $(VENV)/.wheel
	@PYTHON=$(PYTHON) benchmarks/peers/install
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/startup.py
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/large.py
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/throughput.py
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/comparison.py
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/idle.py
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python benchmarks/rest.py

pictures: $(VENV)/.dev
	@PYTHONPATH=. $(VENV)/bin/python docs/pictures/render.py $(ARGS)

SECONDS ?= 3600
EXAMPLES ?= 20000
fuzz: $(VENV)/.dev
	@$(PIP) install --quiet atheris || echo "atheris can't be installed here: Hypothesis searches alone"
	INTAKE_FUZZ_EXAMPLES=$(EXAMPLES) $(VENV)/bin/python -m pytest -q tests/fuzz
	@! $(VENV)/bin/python -c 'import atheris' 2>/dev/null || PYTHONPATH=.:tests $(VENV)/bin/python tests/fuzz/long.py $(SECONDS)

MINUTES ?= 10
soak: $(VENV)/.dev $(VENV)/.wheel
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python -W ignore benchmarks/soak.py --minutes $(MINUTES)

machines: $(VENV)/.dev $(VENV)/.wheel
	@PYTHONSAFEPATH=1 PYTHONPATH=tests $(VENV)/bin/python -W ignore benchmarks/federation.py $(ARGS)

sbom: $(VENV)/.demo
	@mkdir -p $(BUILD)
	@$(VENV)/bin/python requirements/bill.py sbom > $(BUILD)/sbom.cdx.json
	@echo "$(BUILD)/sbom.cdx.json"

audit: | $(VENV)/bin/python
	@test -x $(BUILD)/audit/bin/python || $(PYTHON) -m venv --without-pip $(BUILD)/audit
	@$(PYTHON) -m pip --python $(BUILD)/audit/bin/python --disable-pip-version-check install --quiet pip-audit
	@$(VENV)/bin/python requirements/audit.py $(BUILD)/audit/bin/pip-audit

crash: $(VENV)/.dev $(VENV)/.wheel
	@seed=$${SEED:-$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}; echo "SEED=$$seed"; \
	INTAKE_SEED=$$seed INTAKE_LIVES=$${LIVES:-1500} INTAKE_APART=4 INTAKE_KILLS=0 PYTHONSAFEPATH=1 \
	$(VENV)/bin/python -m pytest -o pythonpath=tests -n $(JOBS) --dist loadfile tests/crash $(ARGS)

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

venv: $(VENV)/.dev $(VENV)/.wheel

wheel: $(BUILD)/.wheel

# Each of the first three holds what the one before it holds, so that one environment serves them all; those of the
# extras hold what each brings beside the core.
lock:
	$(LOCK) --upgrade pyproject.toml --output-file requirements/core.txt
	$(LOCK) pyproject.toml --extra demo --group build --constraint requirements/core.txt --output-file requirements/demo.txt
	$(LOCK) pyproject.toml --extra demo $(foreach extra,$(OPTIONAL),--extra $(extra)) --group dev --constraint requirements/demo.txt --output-file requirements/dev.txt
	@for extra in $(OPTIONAL); do $(LOCK) pyproject.toml --extra $$extra --constraint requirements/dev.txt \
	$$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements/core.txt) --output-file requirements/$$extra.txt; done

clean:
	rm -rf $(BUILD) dist

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "make: no Python found; install Python 3.11, 3.12 or 3.13, or name one: make PYTHON=…" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	{ echo "make: Intake needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.demo: requirements/demo.txt | $(VENV)/bin/python
	@echo "Installing what the program needs (versions and hashes from $<) …"
	@$(PIP) install --quiet --require-hashes --no-deps --requirement $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(VENV)/bin/python
	@echo "Installing what the tests need (versions and hashes from $<) …"
	@$(PIP) install --quiet --require-hashes --no-deps --requirement $<
	@touch $@ $(VENV)/.demo

$(BUILD)/.wheel: $(SOURCES) | $(VENV)/.demo
	@rm -rf $(BUILD)/wheel && mkdir -p $(BUILD)/wheel
	@$(VENV)/bin/python -m hatchling build --target wheel --directory $(BUILD)/wheel
	@touch $@

$(VENV)/.wheel: $(BUILD)/.wheel
	@$(PIP) install --quiet --force-reinstall --no-deps --no-index $(BUILD)/wheel/*.whl
	@PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m compileall -q "$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" || true
	@touch $@
