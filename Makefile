# What can be done here. "make run" and "make test" need nothing but Go, git and make on a
# fresh Debian; they install what is missing.

GO      ?= go
TAGS    := nolibopusfile
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null | sed 's/^v//')
STAMP   := $(if $(VERSION),-X github.com/confd/confd/internal/buildinfo.Version=$(VERSION))
FUZZTIME ?= 20s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: setup setup-test run build test race fuzz bench lint fmt sample generate clean

setup: ## install what building needs
	@GO='$(GO)' scripts/setup build

setup-test: ## install what the tests call with
	@GO='$(GO)' scripts/setup build test

run: setup ## build and serve on the defaults; ARGS are passed on
	$(GO) build -tags '$(TAGS)' -ldflags '$(STAMP)' -o bin/confd ./cmd/confd
	bin/confd serve $(ARGS)

build: setup ## bin/confd, one static binary
	$(GO) build -tags '$(TAGS) netgo osusergo' -trimpath -ldflags '$(STAMP) -linkmode external -extldflags "-static -lm"' -o bin/confd ./cmd/confd
	@scripts/check-static bin/confd

test: setup-test ## all tests
	$(GO) test -tags '$(TAGS)' -timeout 20m ./...

# Real calls come last, by themselves and one at a time: they are heard in real time, and
# under the race detector all is slower.
race: setup-test ## all tests under the race detector
	$(GO) test -tags '$(TAGS)' -timeout 20m -race $$($(GO) list -tags '$(TAGS)' ./... | grep -v /e2e$$)
	$(GO) test -tags '$(TAGS)' -timeout 20m -race -parallel 1 ./e2e

fuzz: setup ## every fuzz target for FUZZTIME
	@GO='$(GO)' TAGS='$(TAGS)' FUZZTIME='$(FUZZTIME)' scripts/fuzz

bench: setup ## all benchmarks, once
	$(GO) test -tags '$(TAGS)' -run '^$$' -bench . -benchmem ./...

lint: setup ## formatting, vet, and staticcheck where it can be had
	@GO='$(GO)' TAGS='$(TAGS)' STATICCHECK='$(STATICCHECK)' scripts/lint

fmt: ## format
	gofmt -w $$(git ls-files '*.go')

sample: setup ## write deploy/confd.yaml anew
	env -i PATH="$$PATH" HOME="$$HOME" $(GO) run -tags '$(TAGS)' ./cmd/confd config > deploy/confd.yaml.new
	mv deploy/confd.yaml.new deploy/confd.yaml

generate: setup ## make the client anew, after a change of what the API takes or answers
	$(GO) generate ./client

clean: ## remove what was built
	rm -rf bin
