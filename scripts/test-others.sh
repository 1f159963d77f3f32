#!/usr/bin/env bash
# Runs the Python tests on every further CPython of this machine, with the one wheel for all of them.
set -eu
cd "$(dirname "$0")/.."
first=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
for python in $(scripts/pythons.sh); do
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    [ "$version" = "$first" ] && continue
    [ -n "$(ls -A "$wheels")" ] || .venv/bin/maturin build --release --quiet --out "$wheels"
    venv=.venvs/$version
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
    "$venv/bin/python" -m pip install --quiet --group test
    "$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps "$wheels"/*.whl
    "$venv/bin/python" -m pip install --quiet cascata --find-links "$wheels"
    echo "CPython $version"
    "$venv/bin/python" -m pytest tests -m "not once"
done
