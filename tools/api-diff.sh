#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares what plugin authors import, and the protocol, with the previous
# release. A change that breaks a plugin is a failure; one that is meant is
# listed in sdk/incompatible.txt, as apidiff words it, and is a new major.
set -euo pipefail
cd "$(dirname "$0")/.."
go tool -modfile=tools/go.mod buf breaking sdk/proto --against sdk/proto/baseline.json

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v dir="$work/old" '/^-- .* --$/ { file = dir "/" $2; sub(/\/[^\/]*$/, "", file); system("mkdir -p " file); file = dir "/" $2; next } file { print >file }' sdk/testdata/previous.txtar
cp go.sum "$work/old/go.sum"
go build -modfile=tools/go.mod -o "$work/apidiff" golang.org/x/exp/cmd/apidiff
code=0
for package in sdk sdk/oauth sdk/secret; do
  (cd "$work/old" && GOFLAGS=-mod=mod "$work/apidiff" -w "$work/export" "github.com/standpipe/standpipe/$package")
  "$work/apidiff" -incompatible "$work/export" "github.com/standpipe/standpipe/$package" | sed "s|^|$package: |" >"$work/found"
  if grep -vxFf sdk/incompatible.txt "$work/found"; then
    echo "$package changed in a way that breaks plugins" >&2
    code=1
  fi
done
exit $code
