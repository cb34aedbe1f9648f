# make demo   a real primary with real replication clients, and the exporter beside it
# make test   every check and every test; .ci/run does the same
# make help   all the others
#
# Each target sets up what it needs: a virtual environment in .venv, programs in .tools.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# say which Python to use, if not the first that is new enough
PYTHON ?=
# processes that share the tests: they wait for servers more than they compute
PROCESSES ?= 3
# arguments for pytest or the demo, such as: make demo ARGS=--once
ARGS ?=
# a program that draws dashboards with Grafana's libraries
RENDERER ?=

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/debian/usr/bin:$(PATH):/usr/sbin:/sbin

# Tests that need root are left out for everybody else, and named.
ROOT := $(filter 0,$(shell id -u))
NEEDS := $(if $(ROOT),not image,not root and not image)

.PHONY: help demo test format-check lint types imports dependencies spelling alerts unit bundle versions \
	judgement mutants tests fuzz fuzz-briefly image bench bench-inventory bench-alerts format lock \
	dashboard dashboard-picture metrics-page configuration-page prometheusrule report-schema \
	runbook-advice clean \
	promtool monitoring-tools grafana-schema debian-packages

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

demo: .venv/demo.stamp ## a real primary with real replication clients, and the exporter beside it
	@python -m demo $(ARGS)

test: .venv/checks.stamp promtool monitoring-tools debian-packages ## every check and every test
	@scripts/stages format-check lint types imports dependencies spelling alerts judgement tests \
		fuzz-briefly versions mutants image

.venv/demo.stamp: requirements/demo.txt scripts/venv
	@scripts/venv .venv requirements/demo.txt $(PYTHON)
	@touch $@

.venv/checks.stamp: requirements/checks.txt scripts/venv
	@scripts/venv .venv requirements/checks.txt $(PYTHON)
	@touch $@ .venv/demo.stamp

promtool:
	@command -v promtool >/dev/null || scripts/debian-unpack .tools/debian prometheus

monitoring-tools:
	@scripts/monitoring-tools

grafana-schema:
	@scripts/grafana-schema

debian-packages:
	@scripts/debian-packages

format-check: .venv/checks.stamp ## is the code laid out as ruff does it?
	@ruff format --check

lint: .venv/checks.stamp ## ruff, shellcheck, hadolint
	@ruff check
	@shellcheck $(wildcard scripts/[a-z]*[!y] .ci/run)
	@hadolint Dockerfile

types: .venv/checks.stamp ## mypy, strict
	@mypy

imports: .venv/checks.stamp ## may this room import that one?
	@lint-imports

dependencies: .venv/checks.stamp ## declared, used, and nothing else
	@deptry exporter

spelling: .venv/checks.stamp ## codespell
	@codespell

alerts: .venv/checks.stamp promtool ## alerting rules and their unit tests
	@promtool check rules alerts/*.rules.yml
	@promtool test rules alerts/tests/*.test.yml
	@amlint check --strict --rules 'alerts/*.rules.yml' alerts/alertmanager.example.yml

unit: .venv/checks.stamp ## the tests that start no server and need nothing but Python, on all cores
	@pytest -q -n auto -m 'not tools' tests/unit tests/bundle $(ARGS)

bundle: .venv/checks.stamp promtool grafana-schema ## alerts, dashboard and metrics page, with promtool and Grafana's types
	@pytest -q tests/bundle $(ARGS)

versions: .venv/checks.stamp promtool ## unit and program tests on the other supported Pythons
	@scripts/versions 3.11 3.12 3.13

judgement: .venv/checks.stamp ## do the unit tests of exporter/assess alone reach every branch of it?
	@pytest -q tests/unit/assess --cov=exporter.assess --cov=exporter.model --cov-branch \
		--cov-report=term-missing:skip-covered --cov-fail-under=100

mutants: .venv/checks.stamp ## would the tests of exporter/assess notice a change?
	@python -m scripts.mutants

tests: .venv/checks.stamp promtool monitoring-tools grafana-schema ## every test, real servers included, with coverage
	@$(if $(ROOT),,echo "not root, so these are left out:"; \
		pytest -q --no-header --collect-only -m 'root and not image' | grep '::' || true)
	@coverage erase
	@rm -rf .tools/seen && mkdir -p .tools/seen
	@PGREPL_SEEN=$(CURDIR)/.tools/seen \
		pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder -m '$(NEEDS)' --durations=15 --cov --cov-report= $(ARGS)
	@$(if $(ARGS),,PGREPL_SEEN=$(CURDIR)/.tools/seen pytest -q tests/live/scenarios/test_every_value.py)
	@coverage report --skip-covered

image: .venv/checks.stamp debian-packages ## build the container image and run it (root; a minute or two)
	@$(if $(ROOT),pytest -m image --no-cov tests/image $(ARGS),echo "not root, so these are left out:"; \
		pytest -q --no-header --collect-only -m image tests/image | grep '::')

fuzz: .tools/fuzz.stamp ## any bytes to what reads certificates (ARGS='--inputs 1200000 --record')
	@.tools/fuzz/bin/python -m fuzz $(ARGS)

fuzz-briefly: .tools/fuzz.stamp ## the same for a few seconds
	@.tools/fuzz/bin/python -m fuzz --inputs 20000

.tools/fuzz.stamp: requirements/fuzz.txt scripts/venv
	@scripts/venv .tools/fuzz requirements/fuzz.txt $(PYTHON)
	@touch $@

bench: .venv/checks.stamp ## what one poll costs; rewrites bench/results.json and docs/performance.md
	@python -m bench $(ARGS)

bench-inventory: .venv/checks.stamp ## what 10,000 certificates cost; rewrites docs/performance-inventory.md
	@python -m bench.inventory

bench-alerts: .venv/checks.stamp monitoring-tools ## what the alerting rules cost; rewrites docs/performance-alerts.md
	@python -m bench.alerts $(ARGS)

format: .venv/checks.stamp ## lay out the code
	@ruff format
	@ruff check --fix

lock: ## renew requirements/*.txt from pyproject.toml (needs uv; ARGS=--upgrade)
	@scripts/lock $(ARGS)

dashboard: .venv/checks.stamp ## rewrite grafana/dashboard.json from grafana/source
	@python -m grafana.source $(ARGS)

dashboard-picture: .venv/checks.stamp monitoring-tools ## draw the dashboard (RENDERER=folder of what draws; 485 MB of npm)
	@test -n "$(RENDERER)" || { echo "say what draws: make dashboard-picture RENDERER=folder" >&2; exit 1; }
	@python -m scripts.dashboard_picture $(RENDERER) $(ARGS)

metrics-page: .venv/checks.stamp ## rewrite docs/metrics.md from the catalogue
	@python -m exporter metrics > docs/metrics.md

configuration-page: .venv/checks.stamp ## rewrite the tables of docs/configuration.md from exporter/config/shapes.py
	@python -m scripts.configuration_page

prometheusrule: .venv/checks.stamp ## rewrite alerts/prometheusrule.yml from the alerting rules
	@python -m scripts.prometheusrule > alerts/prometheusrule.yml

report-schema: .venv/checks.stamp ## rewrite docs/report.schema.json from the types of the report
	@python -m scripts.report_schema

runbook-advice: .venv/checks.stamp ## rewrite the tables of advice in docs/runbooks
	@python -m scripts.runbook_advice

clean: ## remove everything that the other targets made
	rm -rf .venv .tools mutants .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache \
		.ruff_cache .import_linter_cache
