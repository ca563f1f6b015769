#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Writes sdk/testdata/previous.txtar anew: the SDK as it is at COMMIT becomes the
# previous one. Run it when a release is made, and buf's baseline with it.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=${1:?usage: tools/previous-sdk.sh COMMIT}
archive=sdk/testdata/previous.txtar
plugin=$(sed -n '/^-- plugin\/main.go --$/,$p' "$archive")
gomod=$(sed -n '/^-- go.mod --$/,/^)$/p' "$archive")
{
  sed '/^-- /Q' "$archive"
  echo "$gomod"
  git ls-tree -r --name-only "$commit" sdk | grep '\.go$' | grep -v -e '_test\.go$' -e /testdata/ |
    grep -E '^sdk/(internal|oauth|secret)/|^sdk/[^/]*$' | while read -r f; do
    echo "-- $f --"
    git show "$commit:$f"
  done
  echo "$plugin"
} >"$archive.new"
mv "$archive.new" "$archive"
go tool -modfile=tools/go.mod buf build sdk/proto -o sdk/proto/baseline.json
