// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// candidate is a program that may become a plugin, in a folder of its own
// within the plugin folder, so that it can be moved into place.
type candidate struct {
	name    string
	version string
	dir     string
	path    string
	key     string
	keyFrom string
	release *release // nil: it came as an executable
}

// fetch brings the program here and holds it against what the release says.
func (i *Installer) fetch(ctx context.Context, o Options, file *lock.File) (*candidate, error) {
	from, base, err := open(ctx, o.Source)
	if err != nil {
		return nil, err
	}
	c := &candidate{}
	var program []byte
	if isArchive(base) {
		m := archiveName.FindStringSubmatch(base)
		pinned := o.Key
		if m != nil && file.Plugins[m[1]].Key != "" {
			if pinned != "" && pinned != file.Plugins[m[1]].Key {
				return nil, refused("%s is pinned to another key: %s", m[1], file.Plugins[m[1]].Key).
					WithRemedy("If its publisher changed keys, remove it first: standpipe plugin remove %s", m[1])
			}
			pinned = file.Plugins[m[1]].Key
		}
		if c.release, err = readRelease(from, base, pinned); err != nil {
			return nil, err
		}
		if c.release.platform != lock.Platform() {
			return nil, invalid("%s is for %s, this machine is %s", base, c.release.platform, lock.Platform())
		}
		c.name, c.version, c.key, c.keyFrom = c.release.name, c.release.version, c.release.key, c.release.keyIsFrom
		if program, err = unpack(base, c.release.archive, executableName(c.name)); err != nil {
			return nil, err
		}
	} else {
		name, ok := strings.CutPrefix(strings.TrimSuffix(base, ".exe"), pluginhost.Prefix)
		if !ok || !pluginhost.ValidName(name) {
			return nil, invalid("%q is neither an archive nor named like a plugin (%sNAME)", base, pluginhost.Prefix)
		}
		if from.remote() {
			return nil, invalid("%s is a bare program: over a network, an archive with its sums is installed", base)
		}
		if file.Plugins[name].Key != "" {
			return nil, refused("releases of %s are signed with %s, and a bare program is not", name, file.Plugins[name].Key)
		}
		c.name = name
		if program, err = from.read(base, maxExecutable); err != nil {
			return nil, err
		}
	}
	switch {
	case o.Update != "" && c.name != o.Update:
		return nil, refused("%s is a release of %s, not of %s", base, c.name, o.Update)
	case slices.Contains(i.Bundled, c.name):
		return nil, refused("%s is a plugin that comes with Standpipe; another of that name would never run", c.name)
	}
	return c, i.stage(c, program)
}

// stage writes the program where it can be started once.
func (i *Installer) stage(c *candidate, program []byte) (err error) {
	if c.dir, err = os.MkdirTemp(i.folder(), ".new-"); err != nil {
		return err
	}
	c.path = filepath.Join(c.dir, executableName(c.name))
	if err = os.WriteFile(c.path, program, 0o700); err != nil {
		_ = os.RemoveAll(c.dir)
	}
	return err
}

// believe compares what the release says with what the program says of itself.
func (c *candidate) believe(in *pluginhost.Inspection) error {
	for _, d := range in.Providers {
		if !pluginhost.Bears(c.name, d.Slug) {
			return refused("the plugin %s serves the provider %q, which does not bear its name", c.name, d.Slug)
		}
	}
	switch {
	case len(in.Providers) == 0:
		return refused("the plugin %s serves no provider", c.name)
	case c.version == "":
		c.version = in.Version
	case in.Version != c.version:
		return refused("the release is called %s, but the plugin says that it is %s", c.version, orNone(in.Version))
	}
	return nil
}

func (c *candidate) platforms(executable string) map[string]lock.Artefact {
	if c.release != nil {
		return c.release.platforms(executable)
	}
	return map[string]lock.Artefact{lock.Platform(): {Executable: executable}}
}

func isURL(where string) bool {
	u, err := url.Parse(where)
	return err == nil && u.Host != ""
}

// beside is where a file stands that is in the same folder as where.
func beside(where, file string) string {
	if u, err := url.Parse(where); err == nil && u.Host != "" {
		u.Path = path.Join(path.Dir(u.Path), file)
		return u.String()
	}
	return filepath.Join(filepath.Dir(where), file)
}

func hashFile(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return hashOf(b), nil
}
