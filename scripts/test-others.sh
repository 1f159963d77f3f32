#!/usr/bin/env bash
# Runs the Python tests on every further CPython of this machine, side by side, with the one wheel for all of them.
set -eu
cd "$(dirname "$0")/.."
first=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
versions=()
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
    versions+=("$version")
done
for version in "${versions[@]}"; do
    # A cache of each one's own: they write the same file names.
    {
        code=0
        ".venvs/$version/bin/python" -m pytest tests -m "not once" -o cache_dir="$work/cache-$version" || code=$?
        echo "$code" > "$work/$version.code"
    } > "$work/$version.log" 2>&1 &
done
wait
failed=0
for version in "${versions[@]}"; do
    echo "CPython $version"
    cat "$work/$version.log"
    [ "$(cat "$work/$version.code")" = 0 ] || failed=1
done
exit "$failed"
