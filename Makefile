# Needs Go and make. "make help" lists the targets.

GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT         := bin/golangci-lint-$(GOLANGCI_LINT_VERSION)

ACTIONLINT_VERSION    := v1.7.12
ACTIONLINT            := bin/actionlint-$(ACTIONLINT_VERSION)

AZURITE_VERSION       := 3.35.0
AZURITE               := bin/azurite-$(AZURITE_VERSION)

CEPH_VERSION          := 16.2.15+ds-0+deb12u2
CEPH                  := bin/ceph-$(CEPH_VERSION)

PROMETHEUS_VERSION    := 2.42.0+ds-5+deb12u1
PROMETHEUS            := bin/prometheus-$(PROMETHEUS_VERSION)

# What a node needs besides its kubelet.
CONTAINERD_VERSION    := 1.6.20~ds1-1+deb12u3
RUNC_VERSION          := 1.1.5+ds1-1+deb12u1
CNI_PLUGINS_VERSION   := 1.1.1+ds1-3+b5
CONTAINERD            := bin/containerd-$(CONTAINERD_VERSION)

COLLECTOR_VERSION     := v0.165.0
COLLECTOR             := bin/otelcol-$(COLLECTOR_VERSION)

# The modules of this repository. The nested modules are separate because they require much more than the library.
NESTED  := internal/tools/plot internal/tools/release internal/test/scaffold internal/test/monitoring internal/test/e2e internal/test/examples internal/test/migration examples/s3 examples/azure
MODULES := . $(NESTED)

# Some tests build programs, and a slow machine with empty caches needs more than the default ten minutes.
TESTLIMIT := -timeout 60m

# The race detector needs a C compiler.
ifneq ($(shell command -v $${CC:-cc} 2>/dev/null),)
RACE := -race
endif

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## create, use and delete a bucket over the socket of a real driver
	go run ./internal/tools/demo

.PHONY: demo-s3
demo-s3: ## run the demo with the S3 driver and its own store, and use its grants with a plain S3 client
	go -C examples/s3 run ./internal/demo

VERSION ?= dev
IMAGE   ?= cosictl:$(VERSION)
DOCKER  ?= $(if $(shell command -v docker),docker,podman)

.PHONY: image-cosictl
image-cosictl: ## build an image of cosictl for this machine's platform: make image-cosictl VERSION=v1.2.3 IMAGE=registry.example.com/cosictl:v1.2.3
	$(DOCKER) build -f cmd/cosictl/Dockerfile --build-arg VERSION="$(VERSION)" -t "$(IMAGE)" .

# FOLDER takes what a release publishes.
FOLDER := dist
RELEASE = go -C internal/tools/release run . -version "$(if $(filter file,$(origin VERSION)),,$(VERSION))" -folder "$(abspath $(FOLDER))"

.PHONY: release-dry-run
release-dry-run: ## make what a release publishes, and publish nothing: make release-dry-run VERSION=v0.4.0 FOLDER=dist
	@$(RELEASE)

.PHONY: release
release: ## make what a release publishes at its tag, as the workflow does: make release VERSION=v0.4.0
	@$(RELEASE) -tagged

.PHONY: test-release
test-release: ## make a release of this tree twice, and check the programs, the image and the files
	go test -C internal/tools/release $(TESTLIMIT) -count=1 -run '^TestRelease$$' $(TESTFLAGS) . -whole

.PHONY: test
test: ## run the tests of the main module
ifndef RACE
	@echo "no C compiler found: testing without the race detector"
endif
	@echo "testing the main module: the first run compiles gRPC and OpenTelemetry, about 8 minutes on two busy cores"
	go test $(RACE) $(TESTLIMIT) $(TESTFLAGS) ./...

.PHONY: test-all
test-all: test ## run the tests of all modules
	@echo "testing the nested modules: the first run compiles Kubernetes' clients and an S3 store too, about 17 minutes more on two busy cores"
	@set -e; for module in $(NESTED); do \
		echo "$$(date +%T) go -C $$module test $(RACE) $(TESTLIMIT) $(TESTFLAGS) ./..."; go -C $$module test $(RACE) $(TESTLIMIT) $(TESTFLAGS) ./...; \
	done

# Some tests measure memory and allocations, or make thousands of calls, and skip that under the race detector.
FIGURES := . ./internal/bound ./internal/lazyctx ./internal/redact ./internal/rules ./internal/test/hostile ./internal/test/process

.PHONY: test-figures
test-figures: ## run the tests that measure, or make very many calls, without the race detector, which would distort the figures
	go test $(TESTLIMIT) -p 1 -count=1 $(TESTFLAGS) $(FIGURES)
	@echo "trying every fault at every request of examples/s3, and some thousand lives on stores that lag and fail: about 5 minutes on two busy cores"
	go test -C examples/s3/driver $(TESTLIMIT) -count=1 -run '^(TestFaultMatrix|TestMeasureGlobal|TestMemoryOfAnswers|TestSimulation)$$' $(TESTFLAGS) .
	go test -C examples/azure $(TESTLIMIT) -count=1 -run '^(TestMeasureGlobal|TestSimulation)$$' $(TESTFLAGS) . -lives 3000

.PHONY: e2e
e2e: ## run the logic of the released controller and sidecar with a real API server, which it builds once; KUBERNETES=v1.34.2 uses an older one
	go test -C internal/test/e2e -tags e2e -run TestStories -v -count=1 -timeout 60m .

.PHONY: test-azure
test-azure: $(AZURITE) ## test examples/azure with Azurite, Microsoft's emulator; needs Node and npm
	AZURITE=$(CURDIR)/$(AZURITE)/node_modules/.bin/azurite-blob \
		go test -C examples/azure $(RACE) $(TESTLIMIT) -count=1 -parallel 16 $(TESTFLAGS) ./...

$(AZURITE):
	rm -rf $@.new
	npm install --no-audit --no-fund --ignore-scripts --prefix $@.new azurite@$(AZURITE_VERSION)
	mv $@.new $@

# Checks that apt-get has a package of Debian 12 at a version.
define debian
	command -v apt-get >/dev/null && command -v dpkg >/dev/null || { \
		echo "$(1) $(2) comes from the packages of Debian 12: want a system with apt-get and dpkg"; exit 1; }; \
	found="$$(apt-cache madison $(1))"; test -n "$$found" || { \
		echo "apt-get knows no package $(1): want the lists of Debian 12's packages, which apt-get update fetches as root"; exit 1; }; \
	echo "$$found" | grep -qF ' $(2) ' || { \
		echo "apt-get has $(1) $$(echo "$$found" | awk '{ print $$3; exit }'), want $(2) of Debian 12: apt-get update fetches newer lists as root"; exit 1; }
endef
DOWNLOAD = apt-get download -qq $(if $(filter 0,$(shell id -u)),-o APT::Sandbox::User=root)

# Without the race detector: with it, the faults take an hour, so the tests leave out most of them.
.PHONY: test-ceph
test-ceph: $(CEPH) ## test examples/s3 with Ceph RGW from Debian's packages; needs apt-get
	CEPH=$(CURDIR)/$(CEPH) go test -C examples/s3 $(TESTLIMIT) -count=1 -parallel 8 -run Ceph $(TESTFLAGS) ./...

.PHONY: test-ceph-full
test-ceph-full: $(CEPH) ## run test-ceph with every fault and many kills
	CEPH=$(CURDIR)/$(CEPH) go test -C examples/s3 $(TESTLIMIT) -count=1 -parallel 8 -run Ceph $(TESTFLAGS) ./internal/...
	CEPH=$(CURDIR)/$(CEPH) go test -C examples/s3 $(TESTLIMIT) -count=1 -parallel 8 -run Ceph $(TESTFLAGS) ./driver -ceph-full

# Packages are unpacked, not installed. If the system already has a package that Ceph needs, that one is used.
CEPH_PACKAGES := $(addsuffix =$(CEPH_VERSION),radosgw ceph-osd ceph-mon ceph-base ceph-common)

$(CEPH):
	@$(call debian,radosgw,$(CEPH_VERSION))
	rm -rf $@.new
	mkdir -p $@.new/debs
	apt-get install -qq --no-install-recommends --reinstall -s $(CEPH_PACKAGES) >$@.new/plan
	awk '/^Inst/ { gsub(/[(]/, "", $$3); print $$2 "=" ($$3 ~ /^\[/ ? substr($$4, 2) : $$3) }' $@.new/plan >$@.new/list
	cd $@.new/debs && $(DOWNLOAD) $$(cat ../list)
	for package in $@.new/debs/*.deb; do dpkg -x $$package $@.new || exit 1; done
	rm -r $@.new/debs
	chmod -R ug-s $@.new # Ceph needs no program that runs as root, and sudo is among the packages
	mv $@.new $@

.PHONY: test-monitoring
test-monitoring: $(PROMETHEUS) ## test the alert rules and the dashboard with Prometheus from Debian's packages; needs apt-get
	PROMETHEUS=$(CURDIR)/$(PROMETHEUS)/usr/bin go test -C internal/test/monitoring $(TESTLIMIT) -count=1 -run Prometheus $(TESTFLAGS) ./...

$(PROMETHEUS):
	@$(call debian,prometheus,$(PROMETHEUS_VERSION))
	rm -rf $@.new
	mkdir -p $@.new
	cd $@.new && $(DOWNLOAD) prometheus=$(PROMETHEUS_VERSION) && dpkg -x prometheus_*.deb . && rm prometheus_*.deb
	mv $@.new $@

# RUNS sets how often the test runs, each time on a new node.
RUNS := 1

.PHONY: e2e-kubelet
e2e-kubelet: $(CONTAINERD) ## run the scaffold's pod with a real kubelet, containerd and runc, in their own namespaces; needs root, cgroup v1 and apt-get
	CONTAINERD=$(CURDIR)/$(CONTAINERD) go test -C internal/test/e2e -tags e2e -run '^TestKubelet$$' -v -count=1 -timeout 60m $(TESTFLAGS) . -runs $(RUNS)

$(CONTAINERD):
	@$(call debian,containerd,$(CONTAINERD_VERSION))
	@$(call debian,runc,$(RUNC_VERSION))
	@$(call debian,containernetworking-plugins,$(CNI_PLUGINS_VERSION))
	rm -rf $@.new
	mkdir -p $@.new
	cd $@.new && $(DOWNLOAD) containerd=$(CONTAINERD_VERSION) runc=$(RUNC_VERSION) containernetworking-plugins=$(CNI_PLUGINS_VERSION)
	for package in $@.new/*.deb; do dpkg -x $$package $@.new || exit 1; done
	rm $@.new/*.deb
	mv $@.new $@

.PHONY: test-collector
test-collector: $(COLLECTOR) ## test telemetry with the OpenTelemetry Collector, which it builds once
	COLLECTOR=$(CURDIR)/$(COLLECTOR) go test $(RACE) $(TESTLIMIT) -count=1 $(TESTFLAGS) ./internal/test/collector

# The builder creates a module, which a surrounding workspace does not list.
$(COLLECTOR): internal/test/collector/builder.yaml
	@echo "building the OpenTelemetry Collector: the first time about 3 minutes on two cores"
	rm -rf $@.new
	mkdir -p $@.new
	cd $@.new && GOWORK=off go run go.opentelemetry.io/collector/cmd/builder@$(COLLECTOR_VERSION) --skip-strict-versioning=false --config $(CURDIR)/$<
	mv $@.new/otelcol $@
	rm -r $@.new

.PHONY: test-javascript
test-javascript: ## check a driver in JavaScript against the specification; needs Node and npm, which fetches packages
	JAVASCRIPT_ONLINE=1 go test $(RACE) $(TESTLIMIT) -count=1 $(TESTFLAGS) ./internal/test/javascript

# REPORT sets the document that a measuring target writes. Its series and plots go to the folder plots next to it.
REPORT :=
SERIES  = $(abspath $(dir $(or $(REPORT),$(1)))plots/$(2).json)

.PHONY: bench
bench: ## compare drivers with bare gRPC, and write docs/benchmarks.md with its plots; BENCHFLAGS="-rounds 3 -names 10000" is quick and rough
	go run ./internal/tools/bench $(if $(REPORT),-o $(REPORT)) $(BENCHFLAGS)
	go -C internal/tools/plot run . $(call SERIES,docs/benchmarks.md,benchmarks)

.PHONY: bench-s3
bench-s3: ## compare examples/s3 with its bare requests, and write examples/s3/BENCHMARK.md with its plot; BENCHFLAGS="-floor-rounds 2 -floor-lives 80" is quick and rough
	go test -C examples/s3/driver -run '^TestFloor$$' -v -count=1 -timeout 0 . -floor $(abspath $(or $(REPORT),examples/s3/BENCHMARK.md)) $(BENCHFLAGS)
	go -C internal/tools/plot run . $(call SERIES,examples/s3/BENCHMARK.md,benchmark)

# DURATION sets the length of the soak. It writes a document only where REPORT names one.
DURATION := 2m

.PHONY: soak
soak: ## run 80 callers against drivers that it measures and restarts: make soak DURATION=30m
	go test -run '^TestSoak$$' -v -count=1 -timeout 0 ./internal/test/soak -soak $(DURATION) $(if $(REPORT),-soak-report $(abspath $(REPORT)))
	$(if $(REPORT),go -C internal/tools/plot run . $(call SERIES,$(REPORT),endurance))

.PHONY: api
api: ## write the public API to docs/api.txt, which "make test" compares with the code
	go run ./internal/tools/apitext . ./cositest ./cositest/report >docs/api.txt.new && mv docs/api.txt.new docs/api.txt

# actionlint reads an action where a workflow uses it. The commands of steps go unchecked: shellcheck is no Go program.
.PHONY: lint-workflows
lint-workflows: $(ACTIONLINT) ## check the workflows, and the one of a scaffold
	$(ACTIONLINT) -shellcheck= -pyflakes=
	@echo "actionlint: a scaffold's workflow"; folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		go run ./cmd/bootstrap -with ci -dir "$$folder/new" -build=false >/dev/null && $(ACTIONLINT) -shellcheck= -pyflakes= "$$folder"/new/.github/workflows/*

$(ACTIONLINT):
	GOBIN=$(CURDIR)/bin/install go install github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION)
	mv bin/install/actionlint $@ && rmdir bin/install

.PHONY: lint
lint: $(GOLANGCI_LINT) lint-workflows ## check the style, and build the code for other systems
	@set -e; for module in $(MODULES); do \
		echo "$$(date +%T) golangci-lint: $$module"; (cd $$module && $(CURDIR)/$(GOLANGCI_LINT) run --config $(CURDIR)/.golangci.yml --build-tags e2e ./...); \
	done
	@echo "golangci-lint: a scaffold with its own configuration"; folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		go run ./cmd/bootstrap -with ci -dir "$$folder/new" -build=false >/dev/null && cd "$$folder/new" && $(CURDIR)/$(GOLANGCI_LINT) run ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/bin/install go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv bin/install/golangci-lint $@ && rmdir bin/install

.PHONY: tidy
tidy: ## check that go.mod and go.sum are complete
	@set -e; for module in $(MODULES); do echo "go -C $$module mod tidy -diff"; go -C $$module mod tidy -diff; done

.PHONY: check
check: lint tidy test-all ## run everything that must pass before a change lands
