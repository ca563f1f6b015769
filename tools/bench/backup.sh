#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Backup and restore of 10,000 connections, against reading the store once.
set -euo pipefail
cd "$(dirname "$0")/../.."
echo "== backup and restore of 10,000 connections, against reading every record once"
go test -run '^$' -bench '(ReadStore|Backup|Restore)10000' -benchtime 1x ./app | awk '
  /^Benchmark/ {
    name = $1; sub(/^Benchmark/, "", name); sub(/10000.*/, "", name)
    for (i = 2; i < NF; i++) { if ($(i + 1) == "ns/op") ns[name] = $i; if ($(i + 1) == "bytes") bytes[name] = $i }
  }
  END {
    if (!ns["ReadStore"] || !ns["Backup"] || !ns["Restore"]) { print "a benchmark did not run" > "/dev/stderr"; exit 1 }
    printf "read:     %7.0f ms, %.1f MiB of records\n", ns["ReadStore"] / 1e6, bytes["ReadStore"] / 1048576
    printf "backup:   %7.0f ms, %4.1f times the read; the file has %.2f times the bytes\n", ns["Backup"] / 1e6, ns["Backup"] / ns["ReadStore"], bytes["Backup"] / bytes["ReadStore"]
    printf "restore:  %7.0f ms, %4.1f times the read\n", ns["Restore"] / 1e6, ns["Restore"] / ns["ReadStore"]
  }'
