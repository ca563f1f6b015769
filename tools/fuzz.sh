#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs each fuzz target for FUZZ_TIME (60s), one after the other. What it finds is
# put below testdata/fuzz of the package: mend it, and commit it with the mend.
set -euo pipefail
cd "$(dirname "$0")/.."
code=0
while IFS=: read -r file name; do
  name=${name#func } name=${name%%(*}
  printf '\n%s %s\n' "$(dirname "$file")" "$name"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZ_TIME:-60s}" || code=1
done < <(git ls-files '*_test.go' | xargs grep -o '^func Fuzz[A-Za-z]*(')
exit $code
