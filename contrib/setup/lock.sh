#!/bin/sh
# Locks each named dependency group of pyproject.toml ("runtime": the project itself) into requirements/<name>.txt, with
# hashes, for every Python and platform at once. Later groups keep the versions of the earlier ones, as those that share an
# environment must; one with an environment of its own is locked in a call of its own.
set -eu

constraints=""
for name in "$@"; do
    file="requirements/$name.txt"
    [ -n "${UPGRADE:-}" ] && rm -f "$file"
    what="--group $name"
    [ "$name" = runtime ] && what="pyproject.toml"
    # shellcheck disable=SC2086 # words on purpose
    "${UV:-uv}" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-header --annotation-style line $constraints $what --output-file "$file"
    constraints="$constraints --constraint $file"
done

if grep -n '://' requirements/*.txt; then
    echo "lock: an address got into requirements/" >&2
    exit 1
fi
