# `make demo` and `make test` set up everything they need; see README.md.

PYTHON ?= $(shell scripts/pythons.sh | head -n 1)
VENV := .venv
BIN := $(VENV)/bin
# What the extension does without.
FEATURES := cascata/runtime
RUST := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

.PHONY: demo demo-rust test test-rust test-python soak deep-check lint docs build clean

demo: build
	$(BIN)/python examples/stdlib_census.py

# The same kind of census, of Rust sources and in Rust: those that cargo has unpacked.
demo-rust:
	cargo run --release --quiet --package cascata --features runtime --example source_census

test: lint docs test-rust test-python

# The extension, built for release and installed in place.
build: $(VENV)/.built

$(VENV)/.ready: pyproject.toml
	test -n "$(PYTHON)" || { echo "Cascata needs CPython 3.11 or later"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2' --group test --group lint
	touch $@

$(VENV)/.built: $(VENV)/.ready $(RUST)
	$(BIN)/maturin develop --release --quiet
	touch $@

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features $(FEATURES) --quiet -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --package cascata --package cascata-macros --features $(FEATURES) --no-deps --quiet
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache | tail -n 1
	cd python && ../$(BIN)/stubtest cascata._native --mypy-config-file ../pyproject.toml

# The site, in `site`; a warning is an error.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

$(VENV)/.docs: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

# The extension crate links Python and is tested from there.
test-rust:
	cargo test --workspace --exclude cascata-python --features $(FEATURES) --quiet

# Every CPython that the machine has and Cascata supports.
test-python: build
	scripts/test-python.sh

# What takes hours: all faults everywhere, fuzzers, checkers of memory, models; docs/testing.md says what each part shows.
deep-check: build
	scripts/deep-check.sh

# Random graphs against the reference model and through faults, until it is interrupted or for SECONDS.
soak: build
	$(BIN)/python tests/reference/soak.py $(SECONDS)

clean:
	rm -rf $(VENV) .venvs target site
