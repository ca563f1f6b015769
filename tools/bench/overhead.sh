#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What deciding (access) and recording (audit) cost of a fresh vend, as shares.
# The medians of some rounds, taken in turns, so that a busy machine hits all.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${BENCH_ROUNDS:-3}
echo "== access and audit, as a share of a fresh vend (in process, store and audit on disk)"
for _ in $(seq "$rounds"); do
  go test -run '^$' -bench BenchmarkOverhead -benchtime "${BENCH_TIME:-1s}" ./app/internal/api
done | awk '
  /^BenchmarkOverhead\// { split($1, name, "/"); sub(/-[0-9]+$/, "", name[2]); n[name[2]]++; t[name[2], n[name[2]]] = $3 }
  function median(k,   i, j, x, a) {
    for (i = 1; i <= n[k]; i++) a[i] = t[k, i]
    for (i = 1; i <= n[k]; i++) for (j = i + 1; j <= n[k]; j++) if (a[j] < a[i]) { x = a[i]; a[i] = a[j]; a[j] = x }
    return a[int((n[k] + 1) / 2)]
  }
  END {
    whole = median("whole"); unaudited = median("without-audit"); bare = median("without-audit-and-access")
    if (!whole || !unaudited || !bare) { print "the benchmark did not run"; exit 1 }
    printf "whole %.1f µs: audit %.0f %%, access %.0f %%, together %.0f %%\n", whole / 1000, 100 * (whole - unaudited) / whole, 100 * (unaudited - bare) / whole, 100 * (whole - bare) / whole
  }'
