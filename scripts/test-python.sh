#!/usr/bin/env bash
# Runs the Python tests on every CPython of this machine that Cascata supports, as many runs side by side as there are
# cores; the further ones get the one wheel for all of them, and leave out what is marked `once`.
set -eu
cd "$(dirname "$0")/.."
first=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parts=(tests/faults tests/property tests/reference)
printf '%s\n' "$first .venv ${parts[*]}" "$first .venv tests python/cascata ${parts[*]/#/--ignore=}" > "$work/runs"
for python in $(scripts/pythons.sh); do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$version" = "$first" ] && continue
    [ -d "$work/wheels" ] || .venv/bin/maturin build --release --quiet --out "$work/wheels"
    venv=.venvs/$version
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
    "$venv/bin/python" -m pip install --quiet --group test
    "$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps "$work"/wheels/*.whl
    "$venv/bin/python" -m pip install --quiet cascata --find-links "$work/wheels"
    echo "$version $venv tests -m not+once" >> "$work/runs"
done

# One run of pytest; what it says is shown when it is over. Each has a cache of its own: they write the same file names.
run() {
    local work=$1 version=$2 venv=$3 code=0 log
    shift 3
    log=$(mktemp "$work/log.XXXX")
    "$venv/bin/python" -m pytest "${@/not+once/not once}" -q -o cache_dir="$log.cache" > "$log" 2>&1 || code=$?
    flock "$work/runs" sh -c 'echo "== CPython $1: $2"; cat "$3"' - "$version" "${*/not+once/not once}" "$log"
    return "$code"
}
export -f run
xargs -a "$work/runs" -P "$(nproc)" -I RUN bash -c "run $work RUN"
