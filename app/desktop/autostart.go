// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// autostart is the entry that starts Standpipe at login (Desktop Application
// Autostart Specification).
type autostart struct{ path string }

// findAutostart returns the entry of this user; ok is false where the system
// has no such thing.
func findAutostart() (a autostart, ok bool) {
	if runtime.GOOS != "linux" {
		return a, false
	}
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return a, false
		}
		dir = filepath.Join(home, ".config")
	}
	return autostart{filepath.Join(dir, "autostart", "standpipe.desktop")}, true
}

// on reports whether the entry is there and not switched off by the desktop.
func (a autostart) on() bool {
	b, err := os.ReadFile(a.path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		off := key == "Hidden" && value == "true" || key == "X-GNOME-Autostart-enabled" && value == "false"
		if off {
			return false
		}
	}
	return true
}

// set writes or removes the entry. command is the program with its arguments.
func (a autostart) set(on bool, command []string) error {
	if !on {
		if err := os.Remove(a.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(a.path), 0o700); err != nil {
		return err
	}
	words := make([]string, len(command))
	for i, w := range command {
		words[i] = quoteExec(w)
	}
	return os.WriteFile(a.path, fmt.Appendf(nil, `[Desktop Entry]
Type=Application
Name=Standpipe
Comment=Keeps the tokens of your accounts fresh
Exec=%s
Icon=standpipe
Terminal=false
StartupNotify=false
X-GNOME-Autostart-enabled=true
`, strings.Join(words, " ")), 0o644)
}

// quoteExec writes an argument of Exec (Desktop Entry Specification, "The Exec
// key"): quoted, which is escaped once more as a string of the file; % twice.
func quoteExec(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:@=,", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	var b strings.Builder
	for _, r := range arg {
		switch r {
		case '"', '`', '$':
			b.WriteString(`\\` + string(r))
		case '\\':
			b.WriteString(`\\\\`)
		case '%':
			b.WriteString("%%")
		case '\n':
			b.WriteString(`\n`)
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}
