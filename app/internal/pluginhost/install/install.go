// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/gofrs/flock"
	"golang.org/x/mod/semver"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// Installer installs into one data folder. It is not safe for concurrent use;
// several processes may install at a time, one after the other.
type Installer struct {
	// Data is the data folder, an absolute path.
	Data string
	// Bundled are the names that third parties may not take.
	Bundled []string
	// Ask shows a plan and reports whether its owner agrees.
	Ask func(*Plan) (bool, error)
	// Logger; nil discards.
	Logger *slog.Logger
}

// Plan is what an installation would mean.
type Plan struct {
	Name       string
	Version    string // of the release, or that the plugin names; may be empty
	Source     string
	Key        string // that signed it; empty: nobody did
	KeyFrom    string // where the key is known from
	Inspection *pluginhost.Inspection

	// Replaces is what is installed now; nil: nothing. The rest is what the
	// new one wants beyond it: where it wants nothing, nobody is asked.
	Replaces        *lock.Plugin
	NewHosts        []string
	NewCapabilities []string
}

// Options of an installation.
type Options struct {
	Source string // path of an executable, path or URL of an archive
	Key    string // that must have signed it; empty: the pinned one, or any
	// Update wants the plugin to be there already, under this name.
	Update string
	// Development marks a plugin that is being written, by its folder. Nothing
	// is asked: its author starts it.
	Development string
}

// Install installs or updates one plugin and returns what was installed.
func (i *Installer) Install(ctx context.Context, o Options) (*Plan, error) {
	unlock, err := i.enter()
	if err != nil {
		return nil, err
	}
	defer unlock()
	file, err := lock.Read(i.lockPath())
	if err != nil {
		return nil, hub.Errorf(hub.CodeIntegrity, "%w", err)
	}
	c, err := i.fetch(ctx, o, file)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(c.dir)
	plan := &Plan{Name: c.name, Version: c.version, Source: o.Source, Key: c.key, KeyFrom: c.keyFrom}
	if plan.Inspection, err = pluginhost.Inspect(ctx, c.path, i.Logger); err != nil {
		return nil, hub.Errorf(hub.CodePluginFailed, "%w", err)
	}
	if err := c.believe(plan.Inspection); err != nil {
		return nil, err
	}
	plan.Version = c.version
	entry := lock.Plugin{
		Version: c.version, Source: o.Source, Key: c.key, Platforms: c.platforms(plan.Inspection.SHA256),
		Hosts: plan.Inspection.Hosts(), Capabilities: capabilities(plan.Inspection), Development: o.Development,
	}
	if !isURL(o.Source) {
		entry.Source, _ = filepath.Abs(o.Source)
	}
	if old, ok := file.Plugins[c.name]; ok {
		plan.Replaces = &old
		if err := notOlder(c.name, old.Version, c.version); err != nil && o.Development == "" {
			return nil, err
		}
		plan.NewHosts, plan.NewCapabilities = beyond(entry.Hosts, old.Hosts), beyond(entry.Capabilities, old.Capabilities)
	}
	if o.Development == "" && (plan.Replaces == nil || len(plan.NewHosts)+len(plan.NewCapabilities) > 0 || plan.Replaces.Development != "") {
		ok, err := i.Ask(plan)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, hub.Errorf(hub.CodeUserDenied, "nothing was installed")
		}
	}
	file.Plugins[c.name] = entry
	return plan, i.put(c, file)
}

// Locked installs what the lock file names and this machine does not have, with
// nobody to ask: what comes must be, to the byte, what was agreed to elsewhere.
// It returns the names of what was installed.
func (i *Installer) Locked(ctx context.Context) (done []string, err error) {
	unlock, err := i.enter()
	if err != nil {
		return nil, err
	}
	defer unlock()
	file, err := lock.Read(i.lockPath())
	if err != nil {
		return nil, hub.Errorf(hub.CodeIntegrity, "%w", err)
	}
	for _, name := range file.Names() {
		entry := file.Plugins[name]
		if entry.Development != "" {
			continue
		}
		installed, err := i.locked(ctx, name, entry, file)
		if err != nil {
			return done, err
		}
		if installed {
			done = append(done, name)
		}
	}
	return done, nil
}

func (i *Installer) locked(ctx context.Context, name string, entry lock.Plugin, file *lock.File) (bool, error) {
	artefact, ok := entry.Platforms[lock.Platform()]
	if !ok {
		return false, hub.Errorf(hub.CodeNotFound, "the lock file has nothing of %s for %s", name, lock.Platform()).
			WithRemedy("Ask its publisher for a build, or take %s out: standpipe plugin remove %s", name, name)
	}
	if sum, err := hashFile(i.executable(name)); err == nil && artefact.Executable != "" && sum == artefact.Executable {
		return false, nil
	}
	from := entry.Source
	if artefact.Archive != "" {
		from = beside(entry.Source, artefact.Archive)
	}
	c, err := i.fetch(ctx, Options{Source: from, Key: entry.Key, Update: name}, file)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(c.dir)
	if artefact.ArchiveHash != "" && (c.release == nil || c.release.hash != artefact.ArchiveHash) {
		return false, refused("%s of %s is not what the lock file names", artefact.Archive, name)
	}
	inspection, err := pluginhost.Inspect(ctx, c.path, i.Logger)
	if err != nil {
		return false, hub.Errorf(hub.CodePluginFailed, "%w", err)
	}
	if err := c.believe(inspection); err != nil {
		return false, err
	}
	switch {
	case artefact.Executable != "" && inspection.SHA256 != artefact.Executable:
		return false, refused("the program of %s is not what the lock file names: its SHA-256 is %s, locked is %s", name, inspection.SHA256, artefact.Executable)
	case artefact.Executable == "" && artefact.ArchiveHash == "":
		return false, refused("the lock file has no hash of %s for %s", name, lock.Platform())
	case len(beyond(inspection.Hosts(), entry.Hosts)) > 0 || len(beyond(capabilities(inspection), entry.Capabilities)) > 0:
		return false, refused("%s wants more than was agreed to: %s", name,
			strings.Join(append(beyond(inspection.Hosts(), entry.Hosts), beyond(capabilities(inspection), entry.Capabilities)...), ", "))
	}
	artefact.Executable = inspection.SHA256
	entry.Platforms[lock.Platform()] = artefact
	file.Plugins[name] = entry
	return true, i.put(c, file)
}

// Remove takes a plugin away. What was connected through it stays, disabled,
// until a plugin of that name is there again.
func (i *Installer) Remove(name string) error {
	unlock, err := i.enter()
	if err != nil {
		return err
	}
	defer unlock()
	file, err := lock.Read(i.lockPath())
	if err != nil {
		return hub.Errorf(hub.CodeIntegrity, "%w", err)
	}
	if _, ok := file.Plugins[name]; !ok {
		return notInstalled(name)
	}
	delete(file.Plugins, name)
	if err := file.Write(i.lockPath()); err != nil { // first: without a line it does not run
		return err
	}
	if err := os.Remove(i.executable(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// List is what is installed, by name.
func (i *Installer) List() (*lock.File, error) { return lock.Read(i.lockPath()) }

func notInstalled(name string) *hub.Error {
	return hub.Errorf(hub.CodeNotFound, "there is no installed plugin %q", name).WithRemedy("`standpipe plugin list` lists them.")
}

// enter takes the data folder's plugins for this process and makes sure that
// nobody else may write there.
func (i *Installer) enter() (unlock func(), err error) {
	dir := i.folder()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for _, d := range []string{i.Data, dir} {
		if err := pluginhost.CheckTrusted(d); err != nil {
			return nil, refused("%w", err)
		}
	}
	if err := pluginhost.CheckTrusted(i.lockPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, refused("%w", err)
	}
	l := flock.New(filepath.Join(dir, ".lock"))
	if err := l.Lock(); err != nil {
		return nil, err
	}
	return func() { _ = l.Unlock() }, nil
}

func (i *Installer) folder() string   { return filepath.Join(i.Data, "plugins") }
func (i *Installer) lockPath() string { return filepath.Join(i.Data, lock.Name) }
func (i *Installer) executable(name string) string {
	return filepath.Join(i.folder(), executableName(name))
}

func executableName(name string) string {
	if runtime.GOOS == "windows" {
		return pluginhost.Prefix + name + ".exe"
	}
	return pluginhost.Prefix + name
}

// put writes the program and the lock file. Whatever is interrupted in between
// leaves a program that is not what is locked, which does not run.
func (i *Installer) put(c *candidate, file *lock.File) error {
	if err := os.Rename(c.path, i.executable(c.name)); err != nil {
		return err
	}
	return file.Write(i.lockPath())
}

// notOlder refuses to go back: an older release may have a hole that the newer
// one mended.
func notOlder(name, old, next string) error {
	if old == "" || semver.Compare("v"+strings.TrimPrefix(next, "v"), "v"+strings.TrimPrefix(old, "v")) >= 0 {
		return nil
	}
	return refused("%s %s is installed, which is newer than %s", name, old, orNone(next)).
		WithRemedy("To go back on purpose, remove it first: standpipe plugin remove %s", name)
}

func orNone(version string) string {
	if version == "" {
		return "one without a version"
	}
	return version
}

// beyond lists what of have is not in old.
func beyond(have, old []string) []string {
	return slices.DeleteFunc(slices.Clone(have), func(s string) bool { return slices.Contains(old, s) })
}

// capabilities are those of all providers, "provider: capability" each.
func capabilities(in *pluginhost.Inspection) []string {
	out := []string{}
	for _, d := range in.Providers {
		for _, c := range d.Capabilities {
			out = append(out, d.Slug+": "+string(c))
		}
	}
	slices.Sort(out)
	return out
}
