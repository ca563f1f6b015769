#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a browser loads at first stays small, gzipped: the page's script and
# style 120 kB together, <standpipe-connect> 20 kB.
set -euo pipefail
cd "$(dirname "$0")/.."

limit() {
  local what=$1 most=$2 size
  shift 2
  size=$(for f in "$@"; do gzip -9c "$f"; done | wc -c)
  printf '%-26s %6d of %6d bytes\n' "$what" "$size" "$most"
  ((size > 0 && size <= most))
}
limit "page, script and style" 120000 frontend/dist/assets/*.js frontend/dist/assets/*.css
limit "<standpipe-connect>" 20000 app/internal/api/pages/standpipe-connect.js
