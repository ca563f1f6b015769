#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Connects the first demo account of the sandbox's GitHub without a browser:
# connect.sh STANDPIPE SANDBOX-URL
set -euo pipefail
standpipe=$1 sandbox=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
$standpipe connect github --no-browser --json >"$work/out" &
for _ in $(seq 200); do grep -q authorization_url "$work/out" && break; sleep 0.05; done
url=$(sed -nE 's/.*"authorization_url": ?"([^"]+)".*/\1/p' "$work/out" | head -1 | sed 's/\\u0026/\&/g')
page() { curl -fsS -L -b "$work/jar" -c "$work/jar" -o "$work/page" -w '%{url_effective}' "$@"; }
page "$url" >/dev/null
field() { sed -nE "s/.*name=\"$1\" value=\"([^\"]*)\".*/\1/p" "$work/page" | head -1 | sed -e 's/&#43;/+/g' -e 's/&amp;/\&/g'; }
if grep -q 'name="login"' "$work/page"; then
  page --data-urlencode "return_to=$(field return_to)" --data-urlencode "login=$(field login)" "$sandbox/github/session" >/dev/null
fi
if grep -q 'name="decision"' "$work/page"; then
  page --data-urlencode "request=$(field request)" --data-urlencode "decision=authorize" "$sandbox/github/login/oauth/authorize" >/dev/null
fi
wait
