# make demo           build, and see it run: nothing but Rust is needed (make demo FOR=10s ends by itself)
# make test           everything that must hold; brings the servers that tests need if they are absent
# make build          the program, as it is shipped
# The rest are the parts of `make test`.

CARGO ?= cargo
FOR ?=
DEMO_ARGS ?=

.PHONY: demo test build servers fmt lint unit doc gate

demo:
	$(CARGO) run --locked --release --quiet --package flightline -- demo $(if $(FOR),--for $(FOR)) $(DEMO_ARGS)

test: fmt servers lint unit doc gate

build:
	$(CARGO) build --locked --release --package flightline

servers:
	fixtures/install-servers

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit:
	$(CARGO) test --locked --workspace

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

# Instructions of the hot path, counted and held below limits; brings its runner.
gate: servers
	CARGO="$(CARGO)" bench/gate
