// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// Prefix begins the file name of every plugin; the rest is its name.
const Prefix = "standpipe-provider-"

// slugPattern is what a provider's or a plugin's name may be.
var slugPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// found is an executable that looks like a plugin.
type found struct {
	name   string // "github"
	path   string // as found, for people
	pin    digest
	unfit  string       // why it may not run; empty: it may
	locked *lock.Plugin // of installed ones; nil: it came with the program
}

// find lists the plugins of dirs, in the order of dirs and then of names. It
// reads no executable. A folder that does not exist has no plugins; one that
// cannot be trusted is an error beside what the others have.
func find(dirs []string) ([]found, error) {
	var all []found
	var errs []error
	for _, dir := range dirs {
		plugins, err := findIn(dir)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, p := range plugins {
			i := slices.IndexFunc(all, func(o found) bool { return o.name == p.name })
			if i >= 0 && p.unfit == "" {
				p.unfit = fmt.Sprintf("a plugin of this name is at %s already; remove one of them", all[i].path)
			}
			all = append(all, p)
		}
	}
	return all, errors.Join(errs...)
}

func findIn(dir string) ([]found, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the plugin folder %s is not an absolute path", dir)
	}
	// The folder itself may be reached through links; what counts is where
	// they end, and who may write there.
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("plugin folder: %w", err)
	}
	info, err := os.Stat(real)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", real)
	}
	if err == nil {
		err = checkTrusted(real, info)
	}
	if err != nil {
		return nil, fmt.Errorf("plugin folder: %w", err)
	}
	pins, pinFile, pinErr := readPins(real)
	entries, err := os.ReadDir(real) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("plugin folder: %w", err)
	}
	var out []found
	for _, e := range entries {
		name, ok := pluginName(e.Name())
		if !ok {
			continue
		}
		p := found{name: name, path: filepath.Join(real, e.Name())}
		pin, pinned := pins[e.Name()]
		switch {
		case !slugPattern.MatchString(name):
			p.name = clean(name, 63)
			p.unfit = "its name is not made of lower-case letters, digits and hyphens"
		case !e.Type().IsRegular():
			p.unfit = "it is not a regular file (links are not followed); copy the program itself here"
		case pinErr != nil:
			p.unfit = fmt.Sprintf("the list of allowed plugins cannot be used: %v", pinErr)
		case !pinned:
			p.unfit = fmt.Sprintf("%s has no line for it; install it with `standpipe plugin install`", pinFile)
		default:
			p.pin, p.locked = pin.hash, pin.locked
		}
		out = append(out, p)
	}
	return out, nil
}

// pluginName is the name in a file name that has the form of a plugin's.
func pluginName(file string) (string, bool) {
	if runtime.GOOS == "windows" {
		file = strings.TrimSuffix(file, ".exe")
	}
	return strings.CutPrefix(file, Prefix)
}
