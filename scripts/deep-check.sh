#!/usr/bin/env bash
# What takes too long for every day: `make deep-check`, or single parts of it, `scripts/deep-check.sh matrix json`.
# Each part that is measured in time takes SECONDS_EACH (600). A part for which this machine lacks a tool says so, and is
# skipped. docs/testing.md tells what each part covers.
set -u
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
seconds=${SECONDS_EACH:-600}
target=x86_64-unknown-linux-gnu
parts=(matrix storms soak properties codec json rings models sanitizer valgrind)
[ $# -gt 0 ] && parts=("$@")
failed=() skipped=()

skip() {
    echo "SKIPPED: $1" >&2
    return 77
}

matrix() { CASCATA_FAULTS=all "$python" -m pytest -q tests/faults/test_fault_matrix.py; }

storms() { "$python" tests/faults/storm.py "$seconds"; }

soak() { "$python" tests/reference/soak.py "$seconds"; }

properties() { CASCATA_EXAMPLES=${EXAMPLES:-10} "$python" -m pytest -q --timeout 7200 tests/property tests/reference tests/faults/test_fault_leaks.py; }

codec() { "$python" tests/property/fuzz_codec.py "$seconds" "$RANDOM" target/fuzz-codec.latest; }

# Damaged and arbitrary data: an error that names the entry, or a graph; never anything else.
json() { CASCATA_EXAMPLES=${EXAMPLES:-40} "$python" -m pytest -q --timeout 7200 tests/property/test_json_model.py -k "damaged or any_data or values"; }

rings() { CASCATA_FUZZ_SECONDS=$seconds cargo test --release --quiet -p cascata-shm -- --nocapture ring::damaged; }

models() { CASCATA_MODEL=all cargo test --release --quiet -p cascata-shm -p cascata -- --nocapture protocol explored frontier; }

# The flag is one of nightly compilers; this variable lets a stable one take it.
sanitizer() {
    local library
    library=$(rustc --print sysroot)/lib/rustlib/$target/lib
    compgen -G "$library/librustc*_rt.asan.a" > /dev/null || { skip "the compiler comes without AddressSanitizer"; return; }
    # Tests of lost memory and of killed processes leak on purpose.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 \
        cargo test --quiet -p cascata-shm -p cascata --lib --target "$target" --target-dir target/asan
}

# Reads and writes outside of what was allocated, by the extension under an interpreter. In the calling process: that of
# Debian 12 does not know of descriptors of processes, which workers need.
valgrind() {
    command -v valgrind > /dev/null || { skip "there is no valgrind (Debian: apt-get install valgrind)"; return; }
    PYTHONMALLOC=malloc command valgrind --quiet --error-exitcode=9 --leak-check=no --undef-value-errors=no \
        --suppressions=tests/valgrind.supp "$python" tests/smoke.py 0
}

for part in "${parts[@]}"; do
    echo "== $part"
    code=0
    "$part" || code=$?
    [ $code -eq 77 ] && skipped+=("$part")
    [ $code -ne 0 ] && [ $code -ne 77 ] && failed+=("$part")
done
echo "== ${#parts[@]} parts; failed: ${failed[*]:-none}; skipped: ${skipped[*]:-none}"
[ ${#failed[@]} -eq 0 ]
