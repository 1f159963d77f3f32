#!/usr/bin/env bash
# Prints the CPython interpreters from 3.11 on that this machine has, one for each minor version, the oldest first.
set -u
candidates() {
    for minor in 11 12 13 14; do
        command -v "python3.$minor"
        ls -d "$HOME"/.pyenv/versions/3."$minor".*/bin/python3 2>/dev/null
    done
    command -v python3
}
version='import platform, ssl, sys, venv
if platform.python_implementation() == "CPython" and sys.version_info >= (3, 11):
    print("%d.%02d" % sys.version_info[:2])'
candidates | while read -r python; do
    found=$("$python" -c "$version" 2>/dev/null) && [ -n "$found" ] && echo "$found $python"
done | sort -s -k 1,1 -u | cut -d' ' -f2
