// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// Window is what a window needs to come up.
type Window struct {
	Options     app.Options    // to be the hub, where none runs
	Paths       instance.Paths // to attach to the one that runs
	OpenBrowser func(url string) error
	Args        []string // the global flags of this run, to start the program again
	// Background starts without showing the window, as at login.
	Background bool
	// Link is of the scheme standpipe; empty: none.
	Link string
	// Quit ends the program that has the window.
	Quit bool
}

// showWindow is set in the build that has a window.
var showWindow func(context.Context, Window) error

// SetWindow makes the program one with a window: show opens it and returns
// when it is closed. Package desktop calls it from init, so that this package
// needs to know nothing of windows.
func SetWindow(show func(context.Context, Window) error) { showWindow = show }

// windowArgs are what the program without a command understands.
type windowArgs struct {
	background, quit bool
	link             string
}

// list repeats them for another program of the house.
func (w *windowArgs) list() []string {
	var out []string
	if w.background {
		out = append(out, "--background")
	}
	if w.quit {
		out = append(out, "--quit")
	}
	if w.link != "" {
		out = append(out, w.link)
	}
	return out
}

// linkOnly takes nothing, or a link of the scheme standpipe.
func linkOnly(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && strings.HasPrefix(args[0], "standpipe:") {
		return nil
	}
	return subcommand(cmd, args)
}

// window is the program without a command.
func (e *env) window(ctx context.Context, w windowArgs) error {
	if showWindow != nil {
		paths, err := e.paths()
		if err != nil {
			return err
		}
		return showWindow(ctx, Window{Options: e.options(), Paths: paths, OpenBrowser: e.OpenBrowser, Args: e.globalArgs(),
			Background: w.background, Link: w.link, Quit: w.quit})
	}
	if path := desktopProgram(); path != "" {
		return become(path, slices.Concat([]string{path}, e.globalArgs(), w.list()), os.Environ())
	}
	if w.quit || w.link != "" {
		return usagef("there is no window here that could do that")
	}
	return e.serve(ctx, "", "", func(ctx context.Context, s serving) error {
		if err := e.announce(ctx, s); err != nil {
			return err
		}
		if s.UILink != "" {
			e.openLink(s.UILink, w.background)
		}
		return nil
	})
}

// desktopProgram returns the path of standpipe-desktop beside this program, ""
// where there is none or no screen to show it on.
func desktopProgram() string {
	if !hasScreen() {
		return ""
	}
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return ""
	}
	path := filepath.Join(filepath.Dir(self), "standpipe-desktop")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}

// hasScreen reports whether there is a screen to show something on, as far as the
// environment tells.
func hasScreen() bool {
	return runtime.GOOS != "linux" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// globalArgs repeats the flags of this run for another program of the house.
func (e *env) globalArgs() []string {
	var args []string
	add := func(name, value string) {
		if value != "" {
			args = append(args, "--"+name, value)
		}
	}
	add("config", e.config)
	add("data", e.data)
	add("key", e.key)
	for _, dir := range e.plugins {
		add("plugins", dir)
	}
	if e.verbose {
		args = append(args, "--verbose")
	}
	return args
}
