# GNU make. `make` alone prints what there is. Every target makes what it needs, and makes it once.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check

# One stamp per set of packages: it is younger than setup.cfg as long as the environment fits it.
CREATED := $(VENV)/.created
RUN := $(VENV)/.installed-run
TEST := $(VENV)/.installed-test
LINT := $(VENV)/.installed-lint
MUTANTS := $(VENV)/.installed-mutants
BENCH := $(VENV)/.installed-bench
RELEASE := $(VENV)/.installed-release
METADATA := setup.cfg pyproject.toml
# What is tested is what constraints.txt pins. Its hashes stay away: pip would want one of everything.
PINS := $(VENV)/.pins
INSTALL := $(PIP) install --constraint $(PINS) --editable

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-packages mutants lint demo bench docs docs-lab pictures sample \
  constraints audit sbom dist deb release clean system-packages

help:
	@echo "make run           install into $(VENV) and start the daemon (ARGS='--config FILE' for more)"
	@echo "make test          install what the tests need and run them all (ARGS='-k NAME' for fewer)"
	@echo "make test-packages build packages, and try them on clean systems, as root"
	@echo "make mutants       break the pure rooms in many small ways, and show what no test notices"
	@echo "make lint          check format, style and types"
	@echo "make demo          send mail through a real Postfix in a closed-off network, and show a table"
	@echo "make bench         measure what look-ups cost, beside others, and write docs/performance.md"
	@echo "make docs          write the generated pages of docs/ and the manual pages anew"
	@echo "make docs-lab      write what pages of docs/ show of a terminal anew, as root"
	@echo "make pictures      take the screenshots of docs/ anew"
	@echo "make sample        make the sample report of docs/ anew, of mail in the lab, as root"
	@echo "make audit         look up whether what is pinned has known vulnerabilities (ARGS are pip-audit's)"
	@echo "make sbom          write what a release is made of into dist/, as CycloneDX"
	@echo "make dist          build sdist and wheel into dist/, the same bytes each time, and look them over"
	@echo "make deb           build the Debian package into dist/, as root (SUITE=bookworm or trixie)"
	@echo "make release       make a release, VERSION=..., all but publish it (ARGS=--dry-run to try)"
	@echo "make constraints   pin what the program runs with anew, with hashes (ARGS are for uv)"
	@echo "make clean         remove $(VENV) and everything else that was made"
	@echo
	@echo "PYTHON=python3.13 chooses another interpreter when $(VENV) is created."

run: $(RUN)
	exec $(VENV)/bin/mtasts-resolver serve $(ARGS)

# A plain user's PATH often lacks the directories that hold Postfix, unbound and ip.
test test-packages demo bench docs-lab sample deb: export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

test: $(TEST) system-packages
	$(VENV)/bin/python -m tests.everything $(ARGS)

# Apart from the others: it builds for many minutes, and needs the distribution's packages.
test-packages: $(TEST) $(RELEASE) system-packages
	$(VENV)/bin/python -m pytest tests/packages $(ARGS)

# From the beginning each time: mutmut does not see that a test has changed.
mutants: export HYPOTHESIS_PROFILE := ci
mutants: $(MUTANTS)
	rm -rf mutants
	$(VENV)/bin/mutmut run
	$(VENV)/bin/mutmut results

lint: $(LINT)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

demo: $(TEST) system-packages
	$(VENV)/bin/python -m tests.lab.demo $(ARGS)

bench: $(BENCH) system-packages
	$(VENV)/bin/python -m benchmarks $(ARGS)

docs: $(TEST)
	$(VENV)/bin/python -m mtasts_resolver.config.reference > docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
	$(VENV)/bin/python -m mtasts_resolver.control.api.reference > docs/api.md.new
	mv docs/api.md.new docs/api.md
	$(VENV)/bin/python -m mtasts_resolver.cli.reference > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md
	$(VENV)/bin/python -m mtasts_resolver.cli.findings_reference > docs/findings.md.new
	mv docs/findings.md.new docs/findings.md
	$(VENV)/bin/python -m manual
	$(VENV)/bin/python -m mtasts_resolver.cli.export_format > docs/cache-export.schema.json.new
	mv docs/cache-export.schema.json.new docs/cache-export.schema.json
	$(VENV)/bin/python -m mtasts_resolver.cli.checked.schema > docs/check.schema.json.new
	mv docs/check.schema.json.new docs/check.schema.json
	$(VENV)/bin/python -m mtasts_resolver.cli.reporting.schema > docs/report.schema.json.new
	mv docs/report.schema.json.new docs/report.schema.json

docs-lab: $(TEST) system-packages
	$(VENV)/bin/python -m tests.lab.administrator

# Apart from the pages: no two screenshots of the same page have the same bytes.
pictures: export MTASTS_WRITE_DOCS := 1
pictures: $(TEST) system-packages
	$(VENV)/bin/python -m pytest tests/system/statuspage/test_pictures.py

# Apart from the pages, too: it tells when it was made.
sample: $(TEST) system-packages
	$(VENV)/bin/python -m tests.lab.sample

# What is released: releasing/ does the work, docs/releasing.md tells of it.
audit: $(RELEASE)
	$(VENV)/bin/python -m releasing.audit $(ARGS)

sbom: $(TEST)
	$(VENV)/bin/python -m releasing.sbom $(ARGS)

dist: $(RELEASE)
	$(VENV)/bin/python -m releasing.dist $(ARGS)

deb: $(CREATED)
	$(VENV)/bin/python -m releasing.deb $(SUITE)

release: export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
release: $(RELEASE)
	$(VENV)/bin/python -m releasing.release $(ARGS) "$(VERSION)"

constraints: $(RELEASE)
	$(VENV)/bin/python -m releasing.constraints $(ARGS)

clean:
	rm -rf $(VENV) mutants build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find mtasts_resolver tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

system-packages:
	@tests/system-packages lab

$(CREATED):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is missing or older than Python 3.11; name another: make PYTHON=python3.13" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || tests/system-packages venv
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(PINS): $(CREATED) constraints.txt
	@sed -n '/^[a-z0-9]/s/ *\\$$//p' constraints.txt > $@

$(RUN): $(PINS) $(METADATA)
	$(INSTALL) .
	@touch $@

$(TEST): $(PINS) $(METADATA)
	$(INSTALL) '.[test]'
	@touch $(RUN) $@

$(MUTANTS): $(PINS) $(METADATA)
	$(INSTALL) '.[test,mutants]'
	@touch $(RUN) $(TEST) $@

$(LINT): $(PINS) $(METADATA)
	$(INSTALL) '.[test,lint]'
	@touch $(RUN) $(TEST) $@

$(BENCH): $(PINS) $(METADATA)
	$(INSTALL) '.[test,bench]'
	@touch $(RUN) $(TEST) $@

$(RELEASE): $(PINS) $(METADATA)
	$(INSTALL) '.[test,release]'
	@touch $(RUN) $(TEST) $@
