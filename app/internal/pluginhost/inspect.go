// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/wire"
)

// Inspection is what a plugin's executable says of itself, and what installing
// it would mean.
type Inspection struct {
	Name      string // of the file, without the prefix; empty where the file has another name
	Path      string
	Size      int64
	SHA256    string
	Protocol  int    // as negotiated
	Version   string // that the plugin names; may be empty
	SDK       string // that it was made with; may be empty
	Providers []hub.Descriptor
	Problems  []string // why providers, or parts of them, were left out
	// Network and Files are what the inspected process was held by.
	Network, Files Closure
}

// Inspect starts the executable at path once, held as firmly as any plugin, and
// asks what it is. It needs no hub, pins nothing and leaves nothing.
func Inspect(ctx context.Context, path string, log *slog.Logger) (*Inspection, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // who inspects a link means what it leads to
	}
	sum, size, err := hashFile(path)
	if err != nil {
		return nil, err
	}
	out := &Inspection{Path: path, Size: size, SHA256: sum.String()}
	out.Name, _ = pluginName(filepath.Base(path))
	dir, err := os.MkdirTemp("", "standpipe-inspect-") // mode 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	sockets, err := socketFolder(dir)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(sockets)
	l := &launcher{
		spawn: &spawner{}, serves: wire.Served(wire.ProtocolVersion), copies: dir, sockets: sockets, outbound: Outbound{}.withDefaults(),
		timeout: startTimeout, env: pluginEnv(), log: log,
	}
	name := out.Name
	if name == "" {
		name = filepath.Base(path)
	}
	proc, described, err := l.launch(ctx, found{name: name, path: path, pin: sum}, nil)
	if err != nil {
		return nil, fmt.Errorf("%s does not work as a plugin: %w", path, err)
	}
	defer proc.stop(graceToStop)
	out.Protocol = proc.client.NegotiatedVersion()
	out.Version, out.SDK = clean(described.Version, 64), clean(described.SDK, 64)
	out.Network, out.Files = proc.run.holds.closures()
	if out.Providers, out.Problems, err = checkDescriptions(out.Name, described.Providers); err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", path, err)
	}
	return out, nil
}

// hashFile hashes a regular file. Unlike a pinned one it may be anybody's: the
// caller only looks at it.
func hashFile(path string) (digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return digest{}, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil && info.Size() > maxPlugin {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxPlugin)
	}
	if err != nil {
		return digest{}, 0, err
	}
	sum, err := hashOf(io.LimitReader(f, maxPlugin+1))
	return sum, info.Size(), err
}

// Hosts are the hosts that any of the providers may reach, each once.
func (i *Inspection) Hosts() []string {
	seen := map[string]bool{}
	for _, d := range i.Providers {
		for _, h := range d.AllowedHosts {
			seen[h] = true
		}
		for _, f := range d.Config {
			if f.URL {
				seen["the host that is set as "+strings.ToLower(f.Label)] = true
			}
		}
	}
	return sortedKeys(seen)
}
