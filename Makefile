# The commands of CONTRIBUTING.md. Everything that is built goes into bin/ and .tools/.

GO      ?= go
# What 'ferry version' says. Set them where there is no git: in an image, or for files from an archive.
VERSION           ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
COMMIT            ?= $(shell git rev-parse HEAD 2>/dev/null)
COMMIT_TIME       ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# The same commit becomes the same bytes in every folder: no paths, no build id, and nothing from .git but the above.
FLAGS    = -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.described=$(VERSION) -X main.revision=$(COMMIT) -X main.committed=$(COMMIT_TIME)"
# The Go release that binaries are built with, whatever this machine has: for its fixes, and for equal bytes.
TOOLCHAIN := $(shell sed -n 's/^toolchain //p' go.mod)
PLATFORMS ?= linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64 windows_arm64
DIST     ?= dist
FUZZ    ?= 20s
KILLS   ?= 1000
LEAK_TIME ?= 1h
APT     := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends
GOLANGCI_LINT := v2.15.0

# The packages whose tests 'make test' runs a second time, on PostgreSQL. Those of internal/state and internal/outbox
# always run on both.
POSTGRES_PACKAGES := ./cmd/ferry ./internal/admin ./internal/console ./internal/doctor ./internal/event ./internal/gateway ./internal/local ./internal/message ./internal/social ./internal/transfer

# The product's module, and those of e2e and bench, whose dependencies the product does not need.
MODULES := $(filter-out tools/,$(sort $(dir $(wildcard go.mod */go.mod))))
MODULE_TESTS := $(patsubst %/,test-%,$(filter-out ./,$(MODULES)))

.PHONY: help build binaries modules release reproducible image test test-root test-postgres check bench bench-events bench-replicas hostile security soak soak-kills soak-leaks vulnerabilities fuzz pictures tidy tools lint-tool node system clean $(MODULE_TESTS)

help:
	@echo "make build   builds a static binary in bin/"
	@echo "make release builds and packs a release for PLATFORMS in dist/, for minutes"
	@echo "make reproducible compares the binaries for PLATFORMS of two folders and two build caches, for minutes"
	@echo "make image   builds the container image ferry with podman; BUILDER=IMAGE in another image with Go and make, BUILDER=here with those of this machine"
	@echo "make test    runs all tests; installs what is missing first, as root with apt-get"
	@echo "make check   checks formatting, and runs the linter, which includes vet"
	@echo "make bench   runs the benchmark, for minutes, on a machine that does nothing else"
	@echo "make bench-events measures messages and events, for minutes, on a machine that does nothing else"
	@echo "make bench-replicas measures one, two and three servers over one PostgreSQL, and what they cost it"
	@echo "make hostile attacks the server as a stranger can, for minutes, and checks what that does"
	@echo "make security prints the promises about security, runs the tests that prove them, and says what is not covered"
	@echo "make soak    kills processes, and cuts the power, KILLS=$(KILLS) times, and counts what had been acknowledged; looks for leaks for LEAK_TIME=$(LEAK_TIME)"
	@echo "make vulnerabilities looks for known vulnerabilities in the code that the binary calls"
	@echo "make fuzz    runs each fuzz target for FUZZ=$(FUZZ)"
	@echo "make pictures makes the pictures of the README, with a browser"
	@echo "make tidy    runs go mod tidy in every module"
	@echo "make clean   removes bin/, dist/ and .tools/"

build:
	CGO_ENABLED=0 $(GO) build $(FLAGS) -o bin/ferry ./cmd/ferry

# One folder for each platform, named as linux_amd64.
binaries:
	@[ -n "$(TOOLCHAIN)" ] || { echo "the Go release to build with is not known: go.mod needs a line toolchain, and make needs sed to read it" >&2; exit 1; }
	@set -e; for platform in $(PLATFORMS); do \
	  case $$platform in windows_*) extension=.exe;; *) extension=;; esac; echo "building for $$platform"; \
	  GOTOOLCHAIN=$(TOOLCHAIN) CGO_ENABLED=0 GOOS=$${platform%_*} GOARCH=$${platform#*_} $(GO) build $(FLAGS) -o $(DIST)/binaries/$$platform/ferry$$extension ./cmd/ferry; \
	done

release:
	rm -rf $(DIST)
	@$(MAKE) --no-print-directory binaries
	$(GO) run -C deploy ./release -version $(VERSION) -time $(SOURCE_DATE_EPOCH) -binaries $(abspath $(DIST))/binaries -out $(abspath $(DIST))

# The second folder is built with an empty build cache, so that nothing is shared but the source.
reproducible:
	@set -e; other=$$(mktemp -d); trap 'chmod -R u+w "$$other"; rm -rf "$$other"' EXIT; \
	cp -R Makefile go.mod go.sum cmd internal metasim socialmessaging ferrytest "$$other"; rm -rf $(DIST)/binaries; \
	$(MAKE) --no-print-directory binaries; \
	GOCACHE="$$other/cache" $(MAKE) --no-print-directory -C "$$other" binaries DIST="$$other/dist" VERSION=$(VERSION) COMMIT=$(COMMIT) COMMIT_TIME=$(COMMIT_TIME); \
	cd $(DIST)/binaries; sha256sum */ferry* | tee "$$other/sums"; cd "$$other/dist/binaries"; sha256sum --check "$$other/sums"

# What a build without a network needs.
modules:
	GOTOOLCHAIN=$(TOOLCHAIN) $(GO) mod download

# The same commit becomes the same image. --format docker, which keeps the health check of deploy/Dockerfile, records the
# name of a container instead. BUILDER=here builds with the Go release and the modules of this machine, as is done where
# the image of Go cannot be pulled.
GOLANG_IMAGE = $(shell sed -n 's/^ARG BUILDER=//p' deploy/Dockerfile)
IMAGE_FLAGS ?= --tag ferry
image:
	@set -e; builder='$(BUILDER)'; flags=; \
	if [ -z "$$builder" ] && ! podman image exists $(GOLANG_IMAGE) && ! podman pull --quiet $(GOLANG_IMAGE) >/dev/null 2>&1; then \
	  echo "$(GOLANG_IMAGE) cannot be pulled: building with $$($(GO) env GOVERSION) of this machine" >&2; builder=here; \
	fi; \
	if [ "$$builder" = here ]; then \
	  $(MAKE) --no-print-directory modules; builder=$$($(GO) run -C $(CURDIR)/deploy ./builder); \
	  flags="--isolation chroot --volume $$($(GO) env GOMODCACHE):/root/go/pkg/mod:ro --volume $$($(GO) env GOCACHE):/root/.cache/go-build"; \
	fi; \
	podman build --timestamp $(SOURCE_DATE_EPOCH) $${builder:+--build-arg BUILDER=$$builder} $$flags --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) \
	  --build-arg COMMIT_TIME=$(COMMIT_TIME) --file deploy/Dockerfile $(IMAGE_FLAGS) .

# The tests of every module run, even if those of another one fail, and the output of each comes when it ends. Two run
# side by side, because they wait as much as they work. With FERRY_E2E=require a test fails if a part is missing that
# could be installed.
test: tools node system
	@$(GO) build -race runtime/cgo 2>/dev/null || echo "testing without the race detector, which needs cgo and a C compiler"
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(MODULE_TESTS) test-root test-postgres

# The race detector watches everything but SQLite itself, C code that was translated to Go: it has no data of ours, and
# with the detector its tests take three times as long.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

# 'make check' runs vet. Nobody debugs these binaries. With less garbage collection, the compiler takes a sixth less time, and 1 GB
# at most.
GOTESTSUM = FERRY_E2E=require GORACE=atexit_sleep_ms=0 $(CURDIR)/.tools/gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg -- \
	$(shell $(GO) build -race runtime/cgo 2>/dev/null && echo '$(RACE)') $(AT_A_TIME) -vet=off -ldflags=-w -toolexec 'env GOGC=400' -timeout 60m

test-root:
	@echo "testing ferry"; $(GOTESTSUM) ./...

# Nothing runs side by side in deploy/, and the race detector would compile Helm a second time. The servers of e2e/ are built
# with it, whatever their tests are. On PostgreSQL the packages run what they have run with it on SQLite; those of
# internal/state and internal/outbox run with it on both.
test-deploy test-e2e test-postgres: RACE =
# One package after the other: what one has compiled for its binary, the other needs, too.
test-deploy: AT_A_TIME = -p 1
test-deploy: export GOGC = 400

$(MODULE_TESTS): test-%:
	@echo "testing the module in $*/"; cd $* && $(GOTESTSUM) ./...

test-postgres:
	@echo "testing on PostgreSQL"; FERRY_TEST_DATABASE=postgres $(GOTESTSUM) $(POSTGRES_PACKAGES)

check: lint-tool
	@unformatted=$$(gofmt -l $$(find . -name '*.go' -not -path '*/node_modules/*')); if [ -n "$$unformatted" ]; then echo "not formatted: $$unformatted"; exit 1; fi
	@set -e; for module in $(MODULES); do echo "checking the module in $$module"; (cd $$module && GOGC=400 $(CURDIR)/.tools/golangci-lint run ./...); done

bench: tools node
	$(GO) run -C bench .

bench-events: system
	$(GO) run -C bench ./events

bench-replicas: system
	$(GO) run -C bench ./events -part replicas

hostile:
	$(GO) run -C e2e ./hostile

# SECURITY_FLAGS=-quick runs only the tests that need nothing but Go, SECURITY_FLAGS=-list none. With
# SECURITY_FLAGS='-rounds 1000' the tests of properties take ten times as many random cases as without.
security: SECURITY_FLAGS ?=
security: tools node system
	FERRY_E2E=require $(GO) run -C e2e ./security $(SECURITY_FLAGS)

# The test of leaks waits most of its time, so it runs beside the others.
soak: system
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target soak-kills soak-leaks

soak-kills:
	FERRY_E2E=require FERRY_KILLS=$(KILLS) $(GO) test -count=1 -timeout 6h -v -run NothingIsLost ./internal/outbox
	cd e2e && FERRY_E2E=require FERRY_KILLS=$(KILLS) $(GO) test -count=1 -timeout 6h -v -run 'AServerThatIsKilled|PowerFailure' .
	cd e2e && FERRY_E2E=require FERRY_KILLS=$$(( ($(KILLS) + 9) / 10 )) $(GO) test -count=1 -timeout 6h -v -run ReplicaThatIsKilled .
	cd e2e && FERRY_E2E=require FERRY_HISTORIES=$$(( ($(KILLS) + 1) / 2 )) $(GO) test -count=1 -timeout 6h -v -run Histories .

soak-leaks: tools
	cd e2e && FERRY_E2E=require FERRY_LEAK_TIME=$(LEAK_TIME) $(GO) test -count=1 -timeout 6h -v -run GoroutinesAndOpenFiles .

# The database is a Go module, so that no other server is needed than the proxy of modules. What is known today is what
# counts: neither version is pinned. The binary has its symbols, so that what it does not call is not reported.
vulnerabilities:
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	GOTOOLCHAIN=$(TOOLCHAIN) CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -o "$$folder/ferry" ./cmd/ferry; \
	database=$$(cd "$$folder" && $(GO) mod init x 2>/dev/null && $(GO) mod download -json golang.org/x/vulndb@latest | sed -n 's/^\t"Dir": "\(.*\)",*$$/\1/p'); \
	echo "known on $$(echo "$$database" | sed 's/.*-\(....\)\(..\)\(..\)[0-9]*-.*/\1-\2-\3/'):"; \
	cd "$$database" && GOFLAGS=-mod=readonly $(GO) run ./cmd/indexdb -vulns data/osv -out "$$folder/database"; \
	cd "$$folder" && $(GO) run golang.org/x/vuln/cmd/govulncheck@latest -db "file://$$folder/database" -mode binary ferry

fuzz:
	@set -e; for module in $(MODULES); do \
	  for package in $$($(GO) list -C $$module ./...); do \
	    for target in $$($(GO) test -C $$module -list '^Fuzz' $$package | grep '^Fuzz'); do \
	      echo "$$package $$target"; $(GO) test -C $$module -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) $$package; \
	    done; done; done

pictures: node system
	@mkdir -p docs/images
	cd e2e && FERRY_E2E=require FERRY_PICTURES=$(CURDIR)/docs/images $(GO) test -count=1 -run '^TestPhotoThatDidNotArriveIsExplainedMendedAndAnswered$$' .

tidy:
	@set -e; for module in $(MODULES); do (cd $$module && $(GO) mod tidy); done

# The S3 server and the test runner. They have a module of their own.
tools: .tools/versitygw .tools/gotestsum

.tools/versitygw: tools/go.mod
	GOGC=400 $(GO) build -C tools -trimpath -o ../.tools/versitygw github.com/versity/versitygw/cmd/versitygw

.tools/gotestsum: tools/go.mod
	GOGC=400 $(GO) build -C tools -trimpath -o ../.tools/gotestsum gotest.tools/gotestsum

lint-tool:
	@test -x .tools/golangci-lint || GOGC=400 GOBIN=$(CURDIR)/.tools $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)

# The AWS SDK for JavaScript, and clients of Meta's API, for the end-to-end tests.
node: e2e/node/node_modules/.package-lock.json e2e/node-meta/node_modules/.package-lock.json

e2e/%/node_modules/.package-lock.json: e2e/%/package-lock.json
	@command -v npm >/dev/null || $(call install,npm,nodejs npm)
	@! command -v npm >/dev/null || npm ci --prefix e2e/$* --no-audit --no-fund

# The C compiler for the race detector, the programs that check and repair the sample files, a browser, PostgreSQL, Prometheus, and
# what builds and runs container images.
system:
	@missing=; for program in ffprobe pdfinfo webpinfo jpegtran mpg123 qpdf vips ps2pdf brotli zstd unzip perl soffice curl chromium promtool prometheus podman buildah runc busybox strace; do command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	command -v magick >/dev/null || command -v convert-im6.q16 >/dev/null || missing="$$missing magick"; \
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $$($(GO) env CC) -x c -o /dev/null - 2>/dev/null || missing="$$missing cc"; \
	[ -e /usr/lib/podman/netavark ] || [ -e /usr/libexec/podman/netavark ] || missing="$$missing netavark"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing initdb"; \
	[ -z "$$missing" ] || $(call install,$$missing,gcc libc6-dev ffmpeg poppler-utils webp libjpeg-turbo-progs mpg123 qpdf libvips-tools imagemagick ghostscript brotli zstd unzip perl libreoffice-writer-nogui curl chromium postgresql prometheus podman netavark aardvark-dns buildah runc busybox-static strace)

# install installs packages with apt if it runs as root. Otherwise it prints what is missing, and the tests that need it are skipped.
# The package of PostgreSQL would start a server of the system, which the tests do not use.
# Two targets that install at a time wait for each other.
install = if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then { flock 9 && apt-get update -qq && { [ -e /etc/postgresql-common/createcluster.conf ] || \
	  { mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf; }; } && $(APT) $(2) >/dev/null; } 9>/tmp/ferry-install.lock; \
	else echo "missing, and cannot be installed here: $(1); the tests that need it are skipped"; fi

clean:
	rm -rf bin $(DIST) .tools e2e/node/node_modules e2e/node-meta/node_modules
