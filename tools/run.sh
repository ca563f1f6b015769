#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts Standpipe with its sandbox on a data folder of its own (.standpipe in
# the checkout), so that nothing has to be registered anywhere. Ctrl-C ends all.
set -euo pipefail
cd "$(dirname "$0")/.."
home=$PWD/.standpipe
umask 077
mkdir -p "$home"
export STANDPIPE_DATA=${STANDPIPE_DATA:-$home/data} STANDPIPE_CONFIG=${STANDPIPE_CONFIG:-$home/standpipe.hcl}
standpipe=bin/standpipe

# The keychain where there is one; else a key file, and we say so.
if ! $standpipe keys status >/dev/null 2>&1; then
  code=0
  message=$($standpipe keys init 2>&1) || code=$?
  if ((code == 78)); then
    $standpipe keys init --key "file:$home/master.key"
    echo "There is no keychain here: the master key is in $home/master.key (mode 0600). Whoever can read it can read your tokens."
  elif ((code != 0)); then
    echo "$message" >&2
    exit "$code"
  fi
fi

# What runs already is shown, not started twice.
if $standpipe open 2>"$home/open.log"; then
  echo "Standpipe runs already, on $STANDPIPE_DATA. A link to its page: bin/standpipe open --no-browser"
  exit
elif grep -q "the running hub" "$home/open.log"; then
  echo "Standpipe runs already, in its window."
  exit
fi

$standpipe sandbox --state "$home/sandbox.json" >"$home/sandbox.log" 2>&1 &
sandbox=$!
trap 'kill $sandbox 2>/dev/null || true; wait $sandbox 2>/dev/null || true' EXIT

sleep 0.3
if ! kill -0 $sandbox 2>/dev/null; then
  echo "The sandbox did not start:" >&2
  cat "$home/sandbox.log" >&2
  exit 1
fi

# Once each: whoever enters credentials of his own afterwards keeps them.
for slug in github google slack salesforce; do
  if ! [[ -e $home/prepared.$slug ]]; then
    [[ $slug == github && -e $home/prepared ]] || $standpipe integrations set $slug --credentials sandbox >/dev/null
    touch "$home/prepared.$slug"
  fi
done
if ! [[ -e $home/prepared ]]; then
  $standpipe apps add demo --grant github --header-file "$home/demo.header" >/dev/null
  touch "$home/prepared"
fi

cat <<EOF

  1. Connect GitHub (or Google, Slack, Salesforce) in Standpipe. They use the sandbox: a local simulation, nothing to
     register. Its page http://127.0.0.1:4790 has switches: expire tokens, revoke, break, slow down.
  2. Draw a token, as the app "demo" with its one grant:

     curl -sS -H @$home/demo.header -H 'Content-Type: application/json' -d '{}' http://127.0.0.1:4780/data-integrations/github/token

  The command line, in another terminal:

     export STANDPIPE_DATA=$STANDPIPE_DATA STANDPIPE_CONFIG=$STANDPIPE_CONFIG
     bin/standpipe status
     bin/standpipe open       # the page, logged in

  Ctrl-C ends Standpipe and the sandbox. Everything is kept in $home.

EOF

if [[ -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} && -x bin/standpipe-desktop ]]; then
  bin/standpipe-desktop
else
  $standpipe serve
fi
