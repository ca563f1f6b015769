// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/standpipe/standpipe/app/internal/faults"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
)

// openPlugins finds the plugins: those beside the program (or where the command
// line says), then those of the data folder. None is started.
func (a *App) openPlugins(context.Context) (err error) {
	dirs := a.opts.Plugins
	if len(dirs) == 0 {
		dirs = bundledPlugins()
	}
	for i, d := range dirs {
		if dirs[i], err = filepath.Abs(d); err != nil {
			return err
		}
	}
	a.plugins, err = pluginhost.New(pluginhost.Config{
		Dirs: append(dirs, filepath.Join(a.paths.Data, "plugins")),
		// Not in the folder for sockets: programs may often not be executed there.
		RunDir:      filepath.Join(a.paths.Data, "run", "plugins"),
		Definitions: a.declared.filed().Definitions,
		Store:       a.store,
		Logger:      a.log.With("room", "pluginhost"),
		Publisher:   a.bus,
		Crashed:     a.pluginCrashed,
		IdleStop:    a.config.PluginIdle,
		Now:         faults.Now,
	})
	if err != nil {
		return err
	}
	a.onClose(a.plugins.Close)
	return nil
}

// pluginCrashed records that a plugin was stopped.
func (a *App) pluginCrashed(p pluginhost.PluginStatus) {
	e := hub.AuditEntry{
		Time: time.Now(), Action: hub.AuditPluginCrash, Decision: hub.AuditFailed, App: "hub", Subject: p.Name,
		Fingerprint: pluginFingerprint(p.SHA256), Code: hub.CodePluginFailed,
	}
	if err := a.audit.Record(context.Background(), e); err != nil {
		a.log.Error("that a plugin crashed is not in the audit log", "plugin", p.Name, "error", err)
	}
}

// pluginFingerprint tells builds of a plugin apart.
func pluginFingerprint(sha256 string) string { return sha256[:min(16, len(sha256))] }

// bundledPlugins is plugins/ beside the executable, links resolved.
func bundledPlugins() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return nil
	}
	return []string{filepath.Join(filepath.Dir(self), "plugins")}
}
