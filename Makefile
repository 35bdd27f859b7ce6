# Every suite by itself; CONTRIBUTING.md says what each is for.
GO        ?= go
REVISION  := $(shell git rev-parse HEAD 2>/dev/null)
LDFLAGS   := -s -w -X main.revision=$(REVISION)
FUZZTIME  ?= 10s
BENCHTIME ?= 20x
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

HUNTTIME  ?= 60s
HUNTSEED  ?= $(shell date +%s)

# How many faults of each sort: a number (the same ones every time), or all.
FAULTS    ?= all

.PHONY: build reproducible cross test lint race fuzz diff faults reliability hunt bench e2e e2e-up clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/pkitool ./cmd/pkitool

# Two builds of one commit are equal byte for byte.
reproducible:
	bash .ci/reproducible

# Every package and every test compiles for the systems on which nobody runs the tests.
cross:
	for system in windows/amd64 darwin/arm64 freebsd/amd64; do \
		echo $$system && GOOS=$${system%/*} GOARCH=$${system#*/} CGO_ENABLED=0 $(GO) vet ./... || exit 1; \
	done

test:
	$(GO) test -timeout 60m ./...

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'gofmt would change:'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd e2e && $(GO) vet ./...

# A program under the race detector sleeps a second before it ends, so that races in other goroutines can still show; here
# hundreds are started, and a fiftieth is enough.
race:
	GORACE=atexit_sleep_ms=20 $(GO) test -race -shuffle=on -timeout 60m ./...

# Each fuzz target for a short while; a finding stays in testdata/fuzz. Here nothing may panic or
# take long; openssl is asked about changed chains by diff, with a fixed seed, and by hunt.
# FUZZOUT names a file for a line of figures a target, FUZZJOBS how many targets run at once.
fuzz:
	PKITOOL_FUZZ_ALONE=1 FUZZOUT=$(FUZZOUT) FUZZJOBS=$(FUZZJOBS) bash .ci/fuzz $(FUZZTIME)

# Thousands of generated chains, as made and with changed octets, judged by pkitool and by the
# installed openssl; then fewer about command lines, files, names and stores. The same ones every
# time, unless PKITOOL_DIFF_SEED says otherwise.
diff:
	PKITOOL_DIFF_CASES=$${PKITOOL_DIFF_CASES:-20000} $(GO) test -v -count=1 -timeout 30m -run 'Differential|Mutated' ./cmd/internal/opensslcmd
	PKITOOL_DIFF_CASES=$${PKITOOL_DIFF_MORE:-1000} $(GO) test -v -count=1 -timeout 30m -run '(Options|FileText|Stores)AgainstOpenSSL' ./cmd/internal/opensslcmd

# Kills, errors, short writes, full disks, power cuts and crowds on every command that writes; needs Linux
# on amd64, the small disks need root. PKITOOL_KUBEADM names a kubeadm binary to compare with, PKITOOL_BINARY
# another pkitool to try.
faults:
	PKITOOL_FAULTS=$(FAULTS) $(GO) test -v -count=1 -timeout 120m ./internal/faults

# The same, and the figures into docs/reliability.md.
reliability:
	PKITOOL_FAULTS_REPORT=$(CURDIR)/docs/reliability.md $(MAKE) faults

# The search for a chain on which pkitool and openssl differ: a new seed each time.
hunt:
	PKITOOL_DIFF_SEED=$(HUNTSEED) $(MAKE) diff
	$(GO) test -run '^$$' -fuzz '^FuzzAgainstOpenSSL$$' -fuzztime $(HUNTTIME) ./cmd/internal/opensslcmd

# Ratios to the peers; PKITOOL_KUBEADM names a kubeadm binary to compare with.
bench:
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./phases ./cmd ./cmd/internal/opensslcmd ./pki/store

# The last line names no package: only then is shown what could not be tested here.
e2e:
	cd e2e && $(GO) run ./up --tools >/dev/null && $(GO) test -count=1 ./build ./cluster ./pictures
	cd e2e && $(GO) test -count=1 -timeout 40m

e2e-up:
	cd e2e && $(GO) run ./up

clean:
	rm -rf bin
