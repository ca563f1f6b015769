// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// openConfig reads the configuration file and the declared providers. An error
// in the file ends the start, since half a configuration is nobody's wish; a
// declared provider with an error is left out, and told of.
func (a *App) openConfig(context.Context) error {
	if _, err := os.Stat(a.paths.Config); a.opts.Config != "" && errors.Is(err, fs.ErrNotExist) {
		return hub.Errorf(hub.CodeInvalid, "there is no configuration file %s", a.paths.Config).
			WithRemedy("Make it, or leave --config out.")
	}
	c, found := config.Load(a.paths.Config)
	if err := found.Err(); err != nil {
		e := hub.Errorf(hub.CodeNotConfigured, "the configuration cannot be used:\n%w", err)
		return e.WithRemedy("Mend it; `standpipe config check` shows all that is wrong.")
	}
	a.config = c
	a.notices = a.told(found.Warnings())
	a.declared.folder = filepath.Join(filepath.Dir(a.paths.Config), "providers")
	_, found = a.declared.read()
	a.declared.notices = a.told(found)
	return nil
}

// configNotices are what is to say of the configuration as it is now.
func (a *App) configNotices() []contract.Notice {
	a.declared.mu.Lock()
	defer a.declared.mu.Unlock()
	return slices.Concat(a.notices, a.declared.notices)
}

// told logs diagnostics and returns them as notices for the page.
func (a *App) told(found config.Diagnostics) []contract.Notice {
	out := []contract.Notice{}
	for _, d := range found {
		place := d.File
		if d.Line > 0 {
			place = fmt.Sprintf("%s:%d", d.File, d.Line)
		}
		a.log.Warn("configuration", "severity", string(d.Severity), "place", place, "summary", d.Summary)
		out = append(out, contract.Notice{
			Severity: string(d.Severity), Message: fmt.Sprintf("%s (%s)", d.Summary, place), Remedy: d.Detail,
		})
	}
	return out
}
