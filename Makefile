# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Public OAuth clients to build in: PUBLIC_CLIENTS=github=Iv1.0123,…
PUBLIC_CLIENTS ?=
LDFLAGS  := -s -w -X github.com/standpipe/standpipe/app/internal/version.number=$(VERSION) \
	-X github.com/standpipe/standpipe/app/internal/catalog.publicClients=$(PUBLIC_CLIENTS) \
	-X github.com/standpipe/standpipe/sdk.PluginVersion=$(VERSION:v%=%)
GOSTATIC := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
PLUGINS  := $(notdir $(wildcard plugins/*))
GOFILES  := $(shell find app configs plugins sdk frontend -name '*.go' -not -name '*_test.go' -not -path '*/testdata/*' -not -path '*/node_modules/*' 2>/dev/null) main.go go.mod go.sum \
	$(shell find app/*/pages app/internal/*/pages app/internal/scaffold/files configs plugins -type f -not -name '*.go' -not -path '*/testdata/*') # what is embedded

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## install what is missing, build, and start Standpipe with its sandbox
	@tools/setup.sh run
	@$(MAKE) build
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then $(MAKE) desktop-if-possible; fi # nobody would see it
	@tools/run.sh

.PHONY: test
test: ## everything: Go with the race detector, frontend, browser, window, real servers
	@tools/setup.sh test
	@tools/test.sh

.PHONY: test-long
test-long: ## the same with full counts
	@tools/setup.sh test
	@STANDPIPE_TEST_LONG=1 tools/test.sh

.PHONY: fuzz
fuzz: ## look for input that breaks a parser, FUZZ_TIME=60s for each
	@tools/fuzz.sh

.PHONY: check
check: ## format, lint, generated files fresh, dependency rules
	@tools/setup.sh check
	@tools/check.sh

.PHONY: bench
bench: build ## throughput, latency, start and memory, as ratios from one run
	@tools/bench.sh

.PHONY: build
build: bin/standpipe plugins ## the hub with its page, static, and the plugins
	@:

.PHONY: plugins
plugins: bin/plugins/plugins.sum ## the bundled plugins and the list of their hashes

.PHONY: desktop
desktop: bin/standpipe-desktop plugins ## the program with the window (needs GTK 3 and WebKitGTK 4.1)
	@:

.PHONY: desktop-if-possible
desktop-if-possible:
	@if pkg-config --exists gtk+-3.0 webkit2gtk-4.1 2>/dev/null; then $(MAKE) desktop; \
	else echo "No window: GTK 3 and WebKitGTK 4.1 are not installed."; fi

.PHONY: frontend
frontend: frontend/dist/index.html ## the page

.PHONY: generate
generate: ## write the generated files anew
	@tools/generate.sh

.PHONY: screenshots
screenshots: ## take the pictures of the documentation
	@tools/screenshots.sh

.PHONY: install
install: build desktop-if-possible ## install for this user: program, plugins, window, desktop entry, systemd unit
	@tools/install.sh install

.PHONY: uninstall
uninstall: ## take away what install put there (your data stays)
	@tools/install.sh uninstall

.PHONY: clean
clean: ## remove what was built (your data stays)
	rm -rf bin build frontend/node_modules
	find frontend/dist -mindepth 1 -not -name placeholder.html -delete

bin/standpipe: $(GOFILES) frontend/dist/index.html
	$(GOSTATIC) -o $@ .

bin/standpipe-desktop: $(GOFILES) frontend/dist/index.html
	CGO_ENABLED=1 $(GO) build -trimpath -tags desktop,production,webkit2_41 -ldflags '$(LDFLAGS)' -o $@ .

bin/plugins/standpipe-provider-%: $(GOFILES)
	$(GOSTATIC) -o $@ ./plugins/$*

bin/plugins/plugins.sum: $(PLUGINS:%=bin/plugins/standpipe-provider-%)
	cd bin/plugins && sha256sum $(PLUGINS:%=standpipe-provider-%) > plugins.sum

frontend/node_modules/.package-lock.json: frontend/package-lock.json
	cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/index.html frontend/vite.config.ts frontend/public -type f 2>/dev/null)
	cd frontend && npm run --silent build
	@touch $@
