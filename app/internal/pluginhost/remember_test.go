// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// another is a host on the same folders and the same store, as after a restart.
func (h *testHost) another(t *testing.T, cfg Config) *testHost {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	next := &testHost{dir: h.dir, run: h.run, log: h.log}
	cfg.Dirs, cfg.RunDir, cfg.StartTimeout = []string{h.dir}, h.run, h.cfg.StartTimeout
	cfg.Logger = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if next.Host, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = next.Close() })
	return next
}

// slugs are those of all providers.
func (h *testHost) slugs(t *testing.T) string {
	t.Helper()
	all, err := h.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range all {
		out = append(out, d.Slug)
	}
	return strings.Join(out, " ")
}

// started are the plugins that run.
func (h *testHost) started() string {
	var out []string
	for _, s := range h.Status() {
		if s.State == StateRunning {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestRemembered: what a plugin said is known without starting it, as long as
// its bytes and what it is sent are the same; a call starts the plugin that it is
// for, and no other.
func TestRemembered(t *testing.T) {
	t.Parallel()
	cfg := Config{Store: memstore.New(), Definitions: declared("gitlab")}
	first := newTestHost(t, cfg, Declaring, "healthy", "many")
	const all = "gitlab healthy many many-0 many-1 many-2 oauth2"
	if got := first.slugs(t); got != all || first.started() != "healthy many oauth2" {
		t.Fatalf("at first: %q, started %q", got, first.started())
	}
	described, _ := first.Describe(t.Context())

	h := first.another(t, cfg)
	if got := h.slugs(t); got != all || h.started() != "" {
		t.Errorf("remembered: %q, started %q", got, h.started())
	}
	if again, _ := h.Describe(t.Context()); !slices.EqualFunc(described, again, func(a, b hub.Descriptor) bool {
		return a.Name == b.Name && a.Icon == b.Icon && slices.Equal(a.AllowedHosts, b.AllowedHosts) && slices.Equal(a.Capabilities, b.Capabilities)
	}) {
		t.Errorf("%+v\nis remembered as\n%+v", described, again)
	}

	h = h.another(t, cfg)
	if a, err := h.Authorize(t.Context(), target("many-1"), hub.AuthorizeRequest{}); err != nil || a.URL == "" || h.started() != "many" {
		t.Errorf("a call: %+v, %v, started %q", a, err, h.started())
	}
	h.Try(t.Context())
	if got := h.started(); got != "healthy many oauth2" {
		t.Errorf("tried: %q", got)
	}

	// Another definition is another question, to the one that is sent it.
	cfg.Definitions = declared("acme")
	h = h.another(t, cfg)
	if got := h.slugs(t); got != "acme healthy many many-0 many-1 many-2 oauth2" || h.started() != Declaring {
		t.Errorf("other definitions: %q, started %q", got, h.started())
	}
	// One that comes while the hub serves is remembered too.
	if err := h.SetDefinitions(t.Context(), declared("acme", "faulty")); err != nil {
		t.Fatal(err)
	}
	cfg.Definitions = declared("acme", "faulty")
	h = h.another(t, cfg)
	got := h.slugs(t)
	if s := h.status(t, Declaring); !strings.HasPrefix(got, "acme healthy") || s.State != StateStopped || !slices.Equal(s.Untaken, []string{"faulty"}) {
		t.Errorf("changed meanwhile: %q, %+v", got, s)
	}
}

// TestForgotten: whatever is not the answer of the same program is no answer.
func TestForgotten(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, h *testHost, store hub.Store){
		"another build": func(t *testing.T, h *testHost, _ hub.Store) {
			path := filepath.Join(h.dir, Prefix+"healthy")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil { // it is a link
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(h.dir, SumFile)); err != nil {
				t.Fatal(err)
			}
			b = append(b, '\n')
			put(t, path, string(b), 0o755)
			sum, _, err := hashFile(path)
			if err != nil {
				t.Fatal(err)
			}
			addPin(t, filepath.Join(h.dir, SumFile), sum, Prefix+"healthy")
		},
		"a damaged record": func(t *testing.T, _ *testHost, store hub.Store) {
			rewrite(t, store, func([]byte) []byte { return []byte("{") })
		},
		"another plugin's": func(t *testing.T, _ *testHost, store hub.Store) {
			rewrite(t, store, func(b []byte) []byte { return bytes.Replace(b, []byte(`{"To":"`), []byte(`{"To":"0`), 1) })
		},
		"of a hub that knew less": func(t *testing.T, _ *testHost, store hub.Store) {
			rewrite(t, store, func(b []byte) []byte { return bytes.Replace(b, []byte(`"BrandColor":"",`), nil, 1) })
		},
		"of a hub that knew more": func(t *testing.T, _ *testHost, store hub.Store) {
			rewrite(t, store, func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"BrandColor"`), []byte(`"Smell":"","BrandColor"`), 1)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Store: memstore.New()}
			first := newTestHost(t, cfg, "healthy")
			if got := first.slugs(t); got != "healthy" {
				t.Fatalf("at first: %q", got)
			}
			change(t, first, cfg.Store)
			h := first.another(t, cfg)
			if got := h.slugs(t); got != "healthy" || h.started() != "healthy" {
				t.Errorf("%q, started %q", got, h.started())
			}
			h = h.another(t, cfg)
			if got := h.slugs(t); got != "healthy" || h.started() != "" {
				t.Errorf("and the next time: %q, started %q", got, h.started())
			}
		})
	}
}

// TestRefusedStore: a store that opens nothing costs the memory and nothing else.
func TestRefusedStore(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{Store: locked{memstore.New()}}, "healthy")
	if got := h.slugs(t); got != "healthy" || h.started() != "healthy" {
		t.Errorf("%q, started %q", got, h.started())
	}
}

// rewrite changes the one stored answer, and fails where that changes nothing.
func rewrite(t *testing.T, store hub.Store, f func([]byte) []byte) {
	t.Helper()
	err := store.Update(t.Context(), func(tx hub.Tx) error {
		ref := hub.Ref{Kind: hub.KindDescription, ID: "healthy"}
		rec, err := tx.Get(ref)
		if err != nil {
			return err
		}
		b := f(rec.Value)
		if bytes.Equal(b, rec.Value) {
			t.Errorf("nothing to change in %s", rec.Value)
		}
		_, err = tx.Put(ref, rec.Generation, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// locked is a store without its keys.
type locked struct{ hub.Store }

func (locked) Get(context.Context, hub.Ref) (hub.Record, error) {
	return hub.Record{}, errors.New("locked")
}

func (locked) Update(context.Context, func(hub.Tx) error) error { return errors.New("locked") }
