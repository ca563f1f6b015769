#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What somebody does who has only the documentation: runs the blocks of
# tutorial.md and declared.md in an empty folder, connects an account through the
# plugin and one through the declared provider, and draws both tokens.
#   walkthrough.sh   with standpipe in PATH, SDK=checkout, in an empty folder;
#                    PORTS="A B" are two on which nobody listens
set -euo pipefail
docs=$(cd "$(dirname "$0")" && pwd)
home=$PWD
export STANDPIPE_DATA=$home/data STANDPIPE_CONFIG=$home/standpipe.hcl XDG_RUNTIME_DIR=$home/run
mkdir -m 0700 run
pids=()
trap 'for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait' EXIT

# blocks PAGE: a shell script of the page's blocks; one with a file name is
# written to that file, others are run.
blocks() {
  awk '
    /^```/ && !inside { split($0, w, " "); lang = substr(w[1], 4); name = w[2]; inside = 1
      take = (lang == "sh" && name == "") || (name != "" && name != "generated")
      if (take && name != "") print "cat >" name " <<'\''END OF BLOCK'\''"
      next }
    /^```/ { if (take && name != "") print "END OF BLOCK"; inside = 0; next }
    inside && take { print }' "$1"
}
# field NAME: the first value of a field in lines of JSON.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | sed -n 1p; }
# connect SLUG: begins to connect, consents in the browser's place, waits.
connect() {
  : >"$home/$1.log" # there before it is looked at
  standpipe connect "$1" --no-browser --json >"$home/$1.log" &
  local waiting=$! url query
  for _ in $(seq 300); do url=$(field authorization_url <"$home/$1.log" | sed 's/\\u0026/\&/g'); [[ -z $url ]] || break; sleep 0.1; done
  query=${url#*\?}
  curl -sS -L -o "$home/$1.page" --data-urlencode "request=$query" -d login=octocat -d decision=authorize "$url"
  wait "$waiting"
  standpipe token "$1" >"$home/$1.token"
  [[ -s $home/$1.token ]]
  echo "connected $1"
}

standpipe keys init --key "file:$home/master.key" >/dev/null
read -r sandbox listen <<<"$PORTS"
echo "sandbox = \"http://127.0.0.1:$sandbox\"" >standpipe.hcl

# A declared provider: checked, and put where the hub finds it.
mkdir declared providers
(cd declared && source <(blocks "$docs/declared.md"))
cp declared/books.hcl providers/

# The plugin, up to its release.
(set -e; source <(blocks "$docs/tutorial.md"))
cd "$home/standpipe-provider-acme"
standpipe plugin describe --json dist/../standpipe-provider-acme | grep '"name":"acme"' >/dev/null # reads to the end, so that who writes does not die of it
[[ -s dist/acme_1.0.0_SHA256SUMS ]]

# A hub, and the plugin in development in it.
standpipe serve --listen "127.0.0.1:$listen" --ui-listen 127.0.0.1:0 >"$home/serve.log" 2>&1 &
pids+=($!)
for _ in $(seq 600); do grep -q "App API" "$home/serve.log" && break; sleep 0.1; done
standpipe integrations set books --credentials sandbox >/dev/null
mkfifo "$home/keys" # what is typed into plugin dev: nothing, but no end either
standpipe plugin dev . --name acme --no-browser <"$home/keys" >"$home/dev.log" 2>&1 &
pids+=($!)
exec 9>"$home/keys"
for _ in $(seq 900); do grep -q "stand-in for the provider is at" "$home/dev.log" && break; sleep 0.1; done
standpipe plugin list | grep "IN DEVELOPMENT" >/dev/null
connect acme
connect books

# The same as others get it: released, installed, and asked about.
kill "${pids[1]}"
standpipe plugin remove acme >/dev/null
archive=$(echo dist/acme_1.0.0_*.tar.gz)
if standpipe plugin install "$archive" </dev/null 2>/dev/null; then echo "installed without consent" >&2; exit 1; fi
standpipe plugin install --yes "$archive" >/dev/null
standpipe plugin list | grep "acme *1.0.0 *installed" >/dev/null
standpipe status | grep acme >/dev/null
echo "walked through"
