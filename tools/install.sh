#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what was built for this user, or takes it away again:
#   tools/install.sh install|uninstall
# PREFIX is where to (~/.local); a package sets DESTDIR as well. Nothing is
# started and no data is touched; where there is none yet, the service needs a
# folder for it, which is all that it may write.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
prefix=${PREFIX:-$HOME/.local}
dest=${DESTDIR:-}
bin=$dest$prefix/bin
share=$dest$prefix/share
# A service of one user stands with the user's units, of a package with the system's.
if [[ $prefix == "$HOME"/* ]]; then
  units=$dest${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
else
  units=$dest$prefix/lib/systemd/user
fi
entry=$share/applications/standpipe.desktop
icon=$share/icons/hicolor/scalable/apps/standpipe.svg
unit=$units/standpipe.service

refresh() {
  [[ -z $dest ]] || return 0
  if command -v update-desktop-database >/dev/null; then update-desktop-database -q "$share/applications" || true; fi
}

case ${1:-} in
  install)
    install -D -m 755 bin/standpipe "$bin/standpipe"
    for f in bin/plugins/*; do install -D -m "$([[ -x $f ]] && echo 755 || echo 644)" "$f" "$bin/plugins/${f##*/}"; done
    mkdir -p "${unit%/*}"
    sed -E "s|^(Exec[A-Za-z]+)=%h/.local/bin/standpipe |\1=$prefix/bin/standpipe |" configs/standpipe.service >"$unit"
    [[ -n $dest ]] || mkdir -p -m 700 "$HOME/.local/share/standpipe"
    echo "Installed $bin/standpipe, its plugins and $unit"
    if [[ -x bin/standpipe-desktop ]]; then
      install -D -m 755 bin/standpipe-desktop "$bin/standpipe-desktop"
      install -D -m 644 configs/desktop/standpipe.svg "$icon"
      mkdir -p "${entry%/*}"
      sed "s|@BIN@|$prefix/bin|" configs/desktop/standpipe.desktop >"$entry"
      refresh
      echo "Installed the window, and its entry among your programs."
    else
      echo "There is no window to install: make desktop."
    fi
    echo "To have it running from login on: systemctl --user enable --now standpipe"
    ;;
  uninstall)
    rm -f "$bin/standpipe" "$bin/standpipe-desktop" "$entry" "$icon" "$unit"
    for f in "$bin"/plugins/standpipe-provider-* "$bin/plugins/plugins.sum"; do rm -f "$f"; done
    rmdir "$bin/plugins" 2>/dev/null || true
    refresh
    echo "Taken away. The data folder stays; remove it yourself if you want to lose it."
    ;;
  *) echo "usage: tools/install.sh install|uninstall" >&2; exit 2 ;;
esac
