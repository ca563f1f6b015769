// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/configs"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// declared are the providers that files declare, as they are in force.
type declared struct {
	folder string // of the user's files

	reading sync.Mutex // one reading at a time

	mu      sync.Mutex
	inForce []config.Definition // replaced as a whole, never changed
	notices []contract.Notice   // what is wrong with the files
}

func (d *declared) current() []config.Definition {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inForce
}

func (d *declared) filed() catalog.Filed {
	all := d.current()
	return catalog.Filed{Definitions: config.Raw(all), Files: config.Files(all)}
}

// read reads the files again, puts what they declare into force and returns what
// was in force before. A provider of which a file is wrong, or which no plugin
// would take, stays as it was.
func (d *declared) read() (before []config.Definition, found config.Diagnostics) {
	before = d.current()
	all, found := config.LoadProviders(configs.Providers(), d.folder)
	all = slices.DeleteFunc(all, func(p config.Definition) bool {
		_, err := oauth.ParseDefinition(p.JSON)
		if err != nil {
			found = append(found, config.Diagnostic{
				Severity: config.Error, File: p.Files[len(p.Files)-1], Summary: "The provider " + p.Slug + " cannot be used",
				Detail: strings.TrimPrefix(err.Error(), "provider definition: ") + ".",
			})
		}
		return err != nil
	})
	for _, old := range before {
		if !slices.ContainsFunc(old.Files, func(file string) bool { return wrong(file, found) }) {
			continue
		}
		if i := slices.IndexFunc(all, func(p config.Definition) bool { return p.Slug == old.Slug }); i >= 0 {
			all[i] = old
		} else {
			all = append(all, old)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inForce = all
	return before, found
}

// wrong reports whether there is an error of a file, or of its folder.
func wrong(file string, found config.Diagnostics) bool {
	return slices.ContainsFunc(found, func(f config.Diagnostic) bool {
		return f.Severity == config.Error && (f.File == file || filepath.Clean(f.File) == filepath.Dir(file))
	})
}

// Reload implements api.Declared: it reads the files of declared providers again.
func (a *App) Reload(ctx context.Context) (changed []hub.AuditEntry, notices []contract.Notice, err error) {
	d := &a.declared
	d.reading.Lock()
	defer d.reading.Unlock()
	before, found := d.read()
	if err := a.catalog.Redeclare(ctx, d.filed()); err != nil {
		d.mu.Lock()
		d.inForce = before
		d.mu.Unlock()
		return nil, nil, err
	}
	notices = a.told(found)
	d.mu.Lock()
	d.notices = notices
	d.mu.Unlock()
	return differences(before, d.current()), notices, nil
}

// differences are what changed, as audit entries.
func differences(before, after []config.Definition) []hub.AuditEntry {
	var out []hub.AuditEntry
	of := func(list []config.Definition, slug string) []byte {
		for _, p := range list {
			if p.Slug == slug {
				return p.JSON
			}
		}
		return nil
	}
	for _, p := range after {
		if !bytes.Equal(of(before, p.Slug), p.JSON) {
			out = append(out, hub.AuditEntry{Action: hub.AuditProviderSet, Subject: p.Slug})
		}
	}
	for _, p := range before {
		if of(after, p.Slug) == nil {
			out = append(out, hub.AuditEntry{Action: hub.AuditProviderRemove, Subject: p.Slug})
		}
	}
	return out
}
