#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing for a purpose: tools/setup.sh run|test|check
# Debian packages by apt-get where it may; else it prints the line to run.
set -euo pipefail
cd "$(dirname "$0")/.."
purpose=${1:-run}

window=(pkg-config libgtk-3-dev libwebkit2gtk-4.1-dev)
browser=(chromium chromium-driver xvfb webkit2gtk-driver fonts-dejavu-core curl python3 iproute2)
keychain=(dbus gnome-keyring)
case $purpose in
  run) packages=("${window[@]}"); required=no ;;
  test) packages=("${window[@]}" "${browser[@]}" "${keychain[@]}"); required=yes ;;
  check) packages=(); required=yes ;;
  *) echo "usage: tools/setup.sh run|test|check" >&2; exit 2 ;;
esac

# Without a display nobody would see a window.
[[ $purpose != run || -n ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]] || packages=()

need() { command -v "$1" >/dev/null || { echo "$1 is missing: $2" >&2; exit 1; }; }
need go "install Go 1.26 (https://go.dev/dl)"
need npm "install Node.js 20 or newer with npm (https://nodejs.org)"

missing=()
if command -v dpkg-query >/dev/null; then
  for p in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${Status}' "$p" 2>/dev/null) == "install ok installed" ]] || missing+=("$p")
  done
fi
if ((${#missing[@]})); then
  sudo=()
  ((EUID == 0)) || sudo=(sudo -n)
  line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  if ((EUID == 0)) || sudo -n true 2>/dev/null; then
    echo "Installing: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "Missing packages. Install them with:" >&2
    echo "  sudo sh -c '$line'" >&2
    [[ $required == no ]] || exit 1
    echo "Going on without the window." >&2
  fi
fi
go mod download
