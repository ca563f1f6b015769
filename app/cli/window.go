// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"path/filepath"
	"runtime"

	"github.com/standpipe/standpipe/app"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// Window is what a window needs to come up.
type Window struct {
	Options     app.Options    // to be the hub, where none runs
	Paths       instance.Paths // to attach to the one that runs
	OpenBrowser func(url string) error
}

// showWindow is set in the build that has a window.
var showWindow func(context.Context, Window) error

// SetWindow makes the program one with a window: show opens it and returns
// when it is closed. Package desktop calls it from init, so that this package
// needs to know nothing of windows.
func SetWindow(show func(context.Context, Window) error) { showWindow = show }

// window is the program without a command.
func (e *env) window(ctx context.Context) error {
	if showWindow != nil {
		paths, err := e.paths()
		if err != nil {
			return err
		}
		return showWindow(ctx, Window{Options: e.options(), Paths: paths, OpenBrowser: e.OpenBrowser})
	}
	if path := desktopProgram(); path != "" {
		return become(path, append([]string{path}, e.globalArgs()...), os.Environ())
	}
	return e.serve(ctx, "", "", func(ctx context.Context, s serving) error {
		if err := e.announce(ctx, s); err != nil {
			return err
		}
		if s.UILink != "" {
			e.openLink(s.UILink, false)
		}
		return nil
	})
}

// desktopProgram returns the path of standpipe-desktop beside this program, ""
// where there is none or no screen to show it on.
func desktopProgram() string {
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
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
