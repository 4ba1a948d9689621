# make demo           build, and see it run: nothing but Rust is needed (make demo FOR=10s ends by itself)
# make test           everything that must hold; brings the servers that tests need if they are absent
# make compose-test   the whole system in containers, scaled, overloaded and killed; brings a Docker Engine if none answers, and builds every image
#                     (make compose-test STACK=release for figures to be quoted)
# make build          the programs, as they are shipped
# make deb            the same as a Debian package, below target/debian; builds its tool first
# make bench          the table of targets with figures, in minutes (make bench BENCH_ARGS= takes an hour, for figures to be quoted),
#                     and the ratios against those of the baseline
# make endurance      the supervisor under load for long, as it is released, with figures, and with servers away for ten seconds: ten minutes
# make faults         faults put in on purpose at exact steps, and a table of what became of every point; `make test` runs it, too
#                     (make faults FAULTS=long goes on for twenty minutes with fresh seeds; FAULTS_ARGS="-- --list" names the faults)
# make soak           half an hour at half the rate that saturates a worker, with faults at random: nothing lost, memory flat
#                     (make soak SOAK=2h; seconds are no soak)
# make fuzz           each fuzz target for a minute (FUZZ=SECONDS); needs a C++ compiler
# make deny           advisories, licences, duplicates and origins of all dependencies; builds its tool first, which takes minutes
# The rest are the parts of `make test`.

CARGO ?= cargo
FOR ?=
DEMO_ARGS ?=
FAULTS ?=
BENCH_ARGS ?= --short
FAULTS_ARGS ?=
SOAK ?= 30m
FUZZ ?= 60
STACK ?= dev
DENY_VERSION = 0.20.2
DENY = target/tools/cargo-deny-$(DENY_VERSION)/bin/cargo-deny
DENY_ARGS ?=
DEB_VERSION = 3.8.0
DEB = target/tools/cargo-deb-$(DEB_VERSION)/bin/cargo-deb
BASELINE = $(wildcard bench/baseline.json)

.PHONY: demo test compose-test build deb bench endurance faults soak fuzz deny servers fmt lint unit doc gate

demo:
	$(CARGO) run --locked --release --quiet --package flightline -- demo $(if $(FOR),--for $(FOR)) $(DEMO_ARGS)

test: fmt servers lint unit doc gate

# One stack at a time.
compose-test:
	compose/engine
	CARGO="$(CARGO)" PROFILE=$(STACK) compose/images/debian/build
	$(CARGO) test --locked $(if $(filter release,$(STACK)),--release) --workspace --test stack -- --test-threads 1 --nocapture

# The hash is what `flightline-supervisor -version` says; outside of a repository it is unknown.
build:
	FLIGHTLINE_GIT_HASH=$$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown) \
	$(CARGO) build --locked --profile dist --package flightline --package flightline-supervisor

deb: build $(DEB)
	@mkdir -p target/dist/deb
	for program in flightline flightline-supervisor; do for shell in bash zsh fish; do \
		target/dist/$$program completions $$shell > target/dist/deb/$$program.$$shell || exit; \
	done; done
	$(DEB) --no-build --no-strip --profile dist --package flightline

# Not optimised: it packs a few files.
$(DEB):
	$(CARGO) install --quiet --debug --locked --no-track --root target/tools/cargo-deb-$(DEB_VERSION) cargo-deb@$(DEB_VERSION)

# Of the program as it is shipped. Both are run and both must hold; the records are those of this run alone.
bench: servers
	$(CARGO) build --locked --profile dist --package flightline --package flightline-bench
	@mkdir -p target/bench && rm -f target/bench/table.jsonl
	@target/dist/flightline-bench targets $(BENCH_ARGS) --out target/bench/table.jsonl; targets=$$?; \
	target/dist/flightline-bench report --runs target/bench/table.jsonl $(if $(BASELINE),--baseline $(BASELINE)) || exit; \
	$(if $(BASELINE),,echo "no baseline: bench/baseline.json is absent";) exit $$targets

# One at a time, so that each figure is of one thing.
endurance: servers
	FLIGHTLINE_LONG=1 $(CARGO) test --locked --release --package flightline-supervisor --test endurance --test lifecycle -- --test-threads 1

fuzz:
	CARGO="$(CARGO)" FUZZ="$(FUZZ)" pipeline/fuzz/run

# Both workspaces. The database of advisories is fetched; without a network leave it out: make deny DENY_ARGS="bans licenses sources".
deny: $(DENY)
	$(DENY) --locked check -D warnings -A license-exception-not-encountered $(DENY_ARGS)
	cp Cargo.lock pipeline/fuzz/Cargo.lock
	$(DENY) --manifest-path pipeline/fuzz/Cargo.toml --config .deny.toml check $(DENY_ARGS)

# Not optimised: it reads a few files.
$(DENY):
	$(CARGO) install --quiet --debug --locked --no-track --root target/tools/cargo-deny-$(DENY_VERSION) cargo-deny@$(DENY_VERSION)

faults: servers
	FAULTS="$(FAULTS)" $(CARGO) test --locked --package flightline --test faults $(FAULTS_ARGS)

# As it is released: what a debug build is resident with tells nothing.
soak: servers
	FAULTS_SOAK="$(SOAK)" $(CARGO) test --locked --release --package flightline --test faults $(FAULTS_ARGS)

servers:
	fixtures/install-servers

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit:
	CARGO="$(CARGO)" fixtures/run-tests

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

# Instructions of the hot path, counted and held below limits; brings its runner.
gate: servers
	CARGO="$(CARGO)" bench/gate
