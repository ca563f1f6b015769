#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is required of speed and size, beside what is seen: ratios and curves of
# one run on one machine. BENCH_LARGE=1 adds a store of a million connections;
# BENCH_STORES=DIR keeps the stores that were made. Arguments go to the program,
# such as `-only start,cli`.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/fill" ./app/e2e/fill
go -C tools build -o "$work/bench" ./bench
args=(-bin bin -fill "$work/fill" -seconds "${BENCH_SECONDS:-2}" -rounds "${BENCH_ROUNDS:-3}")
[[ -z ${BENCH_LARGE:-} ]] || args+=(-large)
[[ -z ${BENCH_STORES:-} ]] || args+=(-stores "$BENCH_STORES")
code=0
"$work/bench" "${args[@]}" "$@" || code=$?
(($#)) || { tools/bench/backup.sh; tools/bench/overhead.sh; tools/bench-vault.sh; }
exit $code
