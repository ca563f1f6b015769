#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Figures of the vault: sealing and opening, reading and writing the store, and
# what a rotation and a compaction of 10,000 connections take, as ratios of one
# run. Part of `make bench`; BENCH_TIME=50ms makes it short.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT
run() { # PACKAGE PATTERN TIME
  go test -run '^$' -benchtime "$3" -bench "$2" "$1" | sed -n -E 's/^Benchmark([A-Za-z0-9/]+)(-[0-9]+)?[[:space:]]+/\1 /p' >>"$out"
}
time=${BENCH_TIME:-1s}
run ./app/internal/seal . "$time"
run ./app/internal/store/badgerstore '^Benchmark(Get|List10000|Update|OpenStore)$' "$time"
run ./app/internal/store/badgerstore '^Benchmark(Rotate|Compact)$' 1x
awk '
  { ns[$1] = $3 }
  function us(name) { return need(name) / 1e3 }
  function ms(name) { return need(name) / 1e6 }
  function need(name) {
    if (!(name in ns)) { print "no figure of " name > "/dev/stderr"; failed = 1; exit 1 }
    return ns[name]
  }
  END {
    if (failed) exit 1
    print "== vault: seal and open"
    printf "seal 256 bytes:   %9.2f µs, 4096 bytes: %9.2f µs\n", us("Seal/256"), us("Seal/4096")
    printf "open 256 bytes:   %9.2f µs, 4096 bytes: %9.2f µs\n", us("Open/256"), us("Open/4096")
    printf "hide a name:      %9.2f µs, %6.1f times opening 256 bytes\n", us("Name"), ns["Name"] / need("Open/256")
    printf "a passphrase:     %9.0f ms (argon2id)\n", ms("Passphrase")
    print "== vault: a store of 10,000 records"
    printf "read one:         %9.2f µs, %6.1f times opening 4096 bytes\n", us("Get"), ns["Get"] / need("Open/4096")
    printf "write one:        %9.2f µs, %6.1f times reading it\n", us("Update"), ns["Update"] / need("Get")
    printf "open the store:   %9.0f ms\n", ms("OpenStore")
    printf "read them all:    %9.0f ms\n", ms("List10000")
    print "== vault: 10,000 connections"
    printf "rotation:         %9.0f ms, %6.1f times reading them all\n", ms("Rotate"), ns["Rotate"] / need("List10000")
    printf "compaction:       %9.0f ms, %6.1f times reading them all\n", ms("Compact"), ns["Compact"] / need("List10000")
  }' "$out"
