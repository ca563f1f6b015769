#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Figures of one run on one machine. Only the ratios mean something elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${BENCH_SECONDS:-2} rounds=${BENCH_ROUNDS:-3}
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
umask 077
export STANDPIPE_DATA=$work/data STANDPIPE_CONFIG=$work/standpipe.hcl XDG_RUNTIME_DIR=$work
standpipe=bin/standpipe
hub=127.0.0.1:14780 bare=127.0.0.1:14781 sandbox=127.0.0.1:14790

go -C tools build -o "$work/baseline" ./bench/baseline
go -C tools build -o "$work/load" ./bench/load
echo "sandbox = \"http://$sandbox\"" >"$STANDPIPE_CONFIG"
$standpipe keys init --key "file:$work/key" >/dev/null
$standpipe sandbox --listen $sandbox >/dev/null 2>&1 &
pids+=($!)

ready() { for _ in $(seq 400); do curl -fsS -o /dev/null "http://$1/health" 2>/dev/null && return; sleep 0.005; done; echo "$1 is not ready" >&2; exit 1; }
memory() { awk '/^Rss:/ {r += $2} /^Pss:/ {p += $2} END {printf "%5.1f MiB resident, %5.1f MiB proportional", r / 1024, p / 1024}' "/proc/$1/smaps_rollup"; }

echo "== cold start: exec to ready (10 starts, median)"
times=()
for _ in $(seq 10); do
  begin=$(date +%s%N)
  $standpipe serve --listen $hub --ui-listen 127.0.0.1:0 >/dev/null 2>&1 &
  pid=$!
  ready $hub
  times+=($((($(date +%s%N) - begin) / 1000)))
  kill $pid; wait $pid 2>/dev/null || true
done
printf '%s\n' "${times[@]}" | sort -n | awk '{t[NR] = $1} END {printf "%.1f ms\n", t[int((NR + 1) / 2)] / 1000}'

$standpipe serve --listen $hub --ui-listen 127.0.0.1:0 >/dev/null 2>&1 &
pid=$!
pids+=("$pid")
ready $hub
$standpipe integrations set github --credentials sandbox >/dev/null
$standpipe apps add bench --grant github --json | sed -E 's/.*"key": ?"([^"]+)".*/\1/' | tr -d '\n' >"$work/app.key"

echo "== memory of the hub"
tools/bench/connect.sh "$standpipe" "http://$sandbox"
plugins=$(pgrep -P "$pid" || true)
echo "hub:                  $(memory "$pid")"
for p in $plugins; do echo "plugin, each:         $(memory "$p")"; done
kill "$pid"; wait "$pid" 2>/dev/null || true
$standpipe serve --listen $hub --ui-listen 127.0.0.1:0 >/dev/null 2>&1 &
pid=$!
pids+=("$pid")
ready $hub

curl -sS -D "$work/head" -o "$work/body" -H "Authorization: Bearer $(cat "$work/app.key")" -H 'Content-Type: application/json' -d '{}' "http://$hub/data-integrations/github/token"
{ tr -d '\r' <"$work/head" | sed -e 1d -e '/^[Dd]ate:/d' -e '/^[Cc]ontent-[Ll]ength:/d' -e '/^$/d'; echo; cat "$work/body"; } >"$work/answer"
"$work/baseline" $bare "$work/answer" "$work/app.key" &
pids+=($!)
echo "== fresh vend over keep-alive loopback HTTP, against a bare net/http handler"
"$work/load" -key "$work/app.key" -seconds "$seconds" -rounds "$rounds" "http://$hub" "http://$bare"
echo "hub after the load:   $(memory "$pid")"
tools/bench/backup.sh
