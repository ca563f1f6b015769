// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
	"github.com/standpipe/standpipe/app/internal/pluginhost/install"
	"github.com/standpipe/standpipe/app/sandbox"
	"github.com/standpipe/standpipe/sdk/conformance"
)

// developing is one run of `plugin dev`.
type developing struct {
	*env
	client    *instance.Client
	dir       string // of the sources; empty: binary is somebody else's to build
	binary    string // named as a plugin
	temp      string // the folder of binary, where it is built; it goes with the run
	name      string
	shape     string
	noBrowser bool
	once      bool
	offline   bool
}

// devLook is how often the sources are looked at for a change.
const devLook = 500 * time.Millisecond

func newPluginDev(e *env) *cobra.Command {
	d := developing{env: e}
	cmd := &cobra.Command{
		Use:   "dev DIR|BINARY",
		Short: "Run a plugin that you are writing in the running hub, and again at each change",
		Long: `Build the plugin in DIR (or take BINARY, in whatever language), pin its hash, and
load it into the running hub, where it is marked "in development". That is done
again at each change. Its log is shown here.

A stand-in for the provider listens where the sandbox would; the plugin's
integration is pointed at it. Type to make it fail: "fail token 503", "fail
userinfo hang 1", "revoke", "heal"; its page /_faults has the same switches.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error { return d.run(ctx, args[0]) }),
	}
	f := cmd.Flags()
	f.StringVar(&d.name, "name", "", "the plugin's `NAME` (default: that of the folder or file, without standpipe-provider-)")
	f.StringVar(&d.shape, "shape", "", "how the provider departs from the standards, as JSON in `FILE` (default: shape.json in DIR, if there is one)")
	f.BoolVar(&d.noBrowser, "no-browser", false, "open no browser")
	f.BoolVar(&d.offline, "no-stand-in", false, "leave the integration as it is and play no provider")
	f.BoolVar(&d.once, "once", false, "build and load once, and end")
	return cmd
}

func (d *developing) run(ctx context.Context, at string) (err error) {
	if d.client, err = d.attach(ctx); err != nil {
		if errors.Is(err, instance.ErrNotRunning) {
			return hub.Errorf(hub.CodeConflict, "no hub is running in which the plugin could be tried").WithRemedy("Start one: standpipe serve")
		}
		return err
	}
	defer d.client.Close()
	defer func() { err = errors.Join(err, os.RemoveAll(d.temp)) }() // nothing, where it is empty
	if err := d.locate(at); err != nil {
		return err
	}
	if err := d.reload(ctx); err != nil {
		return err
	}
	if d.once {
		return nil
	}
	log, err := d.client.PluginLog(ctx, d.name)
	if err != nil {
		return err
	}
	go func() {
		for l := range log {
			d.showLine(l)
		}
	}()
	if !d.offline {
		stop, err := d.standIn(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	d.openPage(ctx)
	return d.watch(ctx)
}

// locate finds out what is developed, and under which name.
func (d *developing) locate(at string) error {
	abs, err := filepath.Abs(at)
	if err != nil {
		return err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return err
	}
	if d.name == "" {
		d.name = strings.TrimPrefix(strings.TrimSuffix(filepath.Base(abs), ".exe"), pluginhost.Prefix)
	}
	if !pluginhost.ValidName(d.name) {
		return hub.Errorf(hub.CodeInvalid, "%q is no name for a plugin", d.name).WithRemedy("Say it with --name.")
	}
	if d.binary = abs; !info.IsDir() {
		return nil
	}
	d.dir = abs
	if d.shape == "" && exists(filepath.Join(abs, "shape.json")) {
		d.shape = filepath.Join(abs, "shape.json")
	}
	d.temp, err = os.MkdirTemp("", "standpipe-dev-")
	d.binary = filepath.Join(d.temp, pluginhost.Prefix+d.name)
	return err
}

// reload builds the plugin, pins it and has the hub take it in.
func (d *developing) reload(ctx context.Context) error {
	began := time.Now()
	source := d.dir
	if d.dir != "" {
		build := exec.CommandContext(ctx, "go", "build", "-o", d.binary, ".")
		build.Dir, build.Env = d.dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return hub.Errorf(hub.CodeInvalid, "it does not build:\n%s", strings.TrimSpace(string(out)))
		}
	} else {
		source = d.binary
	}
	i, err := d.installer(true)
	if err != nil {
		return err
	}
	plan, err := i.Install(ctx, install.Options{Source: d.binary, Development: source})
	if err != nil {
		return err
	}
	if _, err := d.client.RescanPlugins(ctx); err != nil {
		return err
	}
	if d.json {
		return d.printJSON(inspectionJSON(plan.Inspection))
	}
	d.print("%s is loaded, in development (SHA-256 %s…, %s).", d.name, plan.Inspection.SHA256[:12], time.Since(began).Round(10*time.Millisecond))
	return nil
}

// watch reloads at each change until ctx ends. What does not build is told, and
// the hub goes on with what it had.
func (d *developing) watch(ctx context.Context) error {
	tick := time.NewTicker(devLook)
	defer tick.Stop()
	seen := d.newest()
	for {
		select {
		case <-ctx.Done():
			d.note("%s stays loaded, in development. To take it out: standpipe plugin remove %s", d.name, d.name)
			return nil
		case <-tick.C:
		}
		now := d.newest()
		if now == seen {
			continue
		}
		seen = now
		if err := d.reload(ctx); err != nil && ctx.Err() == nil {
			d.failWords(asHubError(err))
		}
	}
}

// newest is a fingerprint of the sources: how many there are, and the time of
// the last change.
func (d *developing) newest() (out struct {
	files int
	at    time.Time
}) {
	root := d.dir
	if root == "" {
		root = d.binary
	}
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was removed while we looked
		}
		if e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || slices.Contains([]string{"dist", "node_modules", "testdata"}, e.Name())) {
			return filepath.SkipDir
		}
		if ext := filepath.Ext(path); d.dir != "" && ext != ".go" && ext != ".mod" && ext != ".sum" && ext != ".svg" {
			return nil
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			out.files++
			if info.ModTime().After(out.at) {
				out.at = info.ModTime()
			}
		}
		return nil
	})
	return out
}

// standIn plays the provider where the hub looks for its sandbox, and points
// the plugin's integrations there.
func (d *developing) standIn(ctx context.Context) (stop func(), err error) {
	info, err := d.client.HubInfo(ctx)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(info.Sandbox)
	if err != nil || at.Host == "" {
		return nil, hub.Errorf(hub.CodeForbidden, "this hub has no sandbox, so a stand-in cannot be reached").WithRemedy("Leave it out with --no-stand-in.")
	}
	providers, err := d.client.Providers(ctx)
	if err != nil {
		return nil, err
	}
	var shape conformance.Shape
	if d.shape != "" {
		if shape, err = conformance.ReadShape(d.shape); err != nil {
			return nil, hub.Errorf(hub.CodeInvalid, "%w", err)
		}
	}
	var redirects []string
	for _, p := range providers.Providers {
		if p.Plugin != d.name {
			continue
		}
		kind := hub.CredentialsSandbox
		in, err := d.client.SaveIntegration(ctx, p.Slug, contract.SaveIntegration{Credentials: &kind})
		if err != nil {
			return nil, err
		}
		redirects = append(redirects, in.RedirectURI)
	}
	// Whatever else is played by the sandbox is played by the stand-in now.
	accounts, err := d.client.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, in := range accounts.Integrations {
		if in.Credentials == hub.CredentialsSandbox && !slices.Contains(redirects, in.RedirectURI) {
			redirects = append(redirects, in.RedirectURI)
		}
	}
	fake, err := shape.Fake(strings.TrimSuffix(info.Sandbox, "/"), sandbox.ClientID, sandbox.ClientSecret, redirects...)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", at.Host)
	if err != nil {
		return nil, hub.Errorf(hub.CodeConflict, "the stand-in cannot listen where the hub looks for it: %w", err).
			WithRemedy("End `standpipe sandbox`, or leave the stand-in out with --no-stand-in.")
	}
	srv := &http.Server{Handler: fake, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }()
	go d.switches(fake)
	d.print("The stand-in for the provider is at %s (its fault switches: %s/_faults, or type them here).", info.Sandbox, strings.TrimSuffix(info.Sandbox, "/"))
	return func() { _ = srv.Close() }, nil
}

// switches turns what is typed.
func (d *developing) switches(fake *conformance.Fake) {
	lines := bufio.NewScanner(d.In)
	for lines.Scan() {
		if err := fake.Switch(lines.Text()); err != nil {
			d.note("standpipe: %s", plain(err.Error()))
		} else if strings.TrimSpace(lines.Text()) != "" {
			d.note("The stand-in: %s", plain(lines.Text()))
		}
	}
}

// openPage opens the page of the plugin's integration, logged in.
func (d *developing) openPage(ctx context.Context) {
	link, err := d.client.Link(ctx)
	if err != nil || link.URL == "" {
		d.note("Connect it: standpipe connect %s", d.name)
		return
	}
	if d.noBrowser || d.OpenBrowser == nil || d.OpenBrowser(link.URL) != nil {
		d.note("Connect it on the page (standpipe open), or: standpipe connect %s", d.name)
	}
}

func (d *developing) showLine(l contract.PluginLine) {
	if d.json {
		_ = d.printJSON(l)
		return
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(l.Fields)) {
		fmt.Fprintf(&b, " %s=%s", k, l.Fields[k])
	}
	d.print("%s %-5s %s%s", l.Time.Local().Format("15:04:05"), l.Level, plain(l.Message), plain(b.String()))
}
