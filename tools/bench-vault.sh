#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Figures of the vault: sealing and opening, reading and writing the store,
# and what a rotation of 10,000 connections takes. Part of `make bench`.
set -euo pipefail
cd "$(dirname "$0")/.."
run() { go test -run '^$' -benchtime "${BENCH_TIME:-1s}" -bench "$2" "$1" | grep -E '^Benchmark' | sed -E 's/^Benchmark//; s/-[0-9]+ / /'; }
echo "== vault: seal and open a value (bytes), derive a key from a passphrase"
run ./app/internal/seal .
echo "== vault: read and write the store of 10,000 records; open it"
run ./app/internal/store/badgerstore '^Benchmark(Get|List10000|Update|OpenStore)$'
echo "== vault: seal 10,000 connections anew (rotation), copy them (compaction)"
BENCH_TIME=1x run ./app/internal/store/badgerstore '^Benchmark(Rotate|Compact)$'
