#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the answer that holds a fresh token, as JSON: token.sh github
# The key is read from a file, so that it is in no process list. Once:
#   mkdir -p -m 700 ~/.config/my-script
#   standpipe apps add my-script --grant github --key-file ~/.config/my-script/standpipe.key
set -eu
integration=${1:?which integration?}
url=${STANDPIPE_URL:-http://127.0.0.1:4780}
key_file=${STANDPIPE_KEY_FILE:-$HOME/.config/my-script/standpipe.key}

key=$(cat "$key_file") # ends here where there is none
# Prefer: wait=30 gives the user half a minute to allow a first draw.
printf 'header = "Authorization: Bearer %s"\n' "$key" |
  curl -sS --fail-with-body --config - \
    -H 'Content-Type: application/json' -H 'Prefer: wait=30' \
    -d '{}' "$url/data-integrations/$integration/token"
