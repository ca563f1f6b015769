// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func declared(slugs ...string) [][]byte {
	var out [][]byte
	for _, s := range slugs {
		out = append(out, []byte(`{"slug":"`+s+`"}`))
	}
	return out
}

// TestDefinitionsChange: the plugin that serves declared providers is asked
// again, without being started anew, and others are let alone.
func TestDefinitionsChange(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{Definitions: declared("gitlab")}, Declaring, "healthy")
	if got, want := h.slugs(t), "gitlab healthy "+Declaring; got != want {
		t.Fatalf("at first: %v, want %v", got, want)
	}
	pid := h.status(t, Declaring).PID
	if err := h.SetDefinitions(t.Context(), declared("gitlab", "acme")); err != nil {
		t.Fatal(err)
	}
	if got, want := h.slugs(t), "acme gitlab healthy "+Declaring; got != want {
		t.Errorf("with one more: %v, want %v", got, want)
	}
	a, err := h.Authorize(t.Context(), target("acme"), hub.AuthorizeRequest{})
	if err != nil || !strings.Contains(a.URL, "acme") {
		t.Errorf("a call for the new one: %+v, %v", a, err)
	}
	if s := h.status(t, Declaring); s.PID != pid || s.Restarts != 0 {
		t.Errorf("it was started anew: %+v", s)
	}
	if err := h.SetDefinitions(t.Context(), declared("acme")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Authorize(t.Context(), target("gitlab"), hub.AuthorizeRequest{}); err == nil {
		t.Error("what is not declared any more is served")
	}
	if err := h.SetDefinitions(t.Context(), [][]byte{[]byte("{")}); err == nil {
		t.Error("what is no JSON is taken")
	}
	if got, want := h.slugs(t), "acme healthy "+Declaring; got != want {
		t.Errorf("after what was refused: %v, want %v", got, want)
	}
}

// TestDefinitionsBeforeTheStart: nothing is started to tell it, and the start
// has the newest.
func TestDefinitionsBeforeTheStart(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, Declaring)
	if err := h.SetDefinitions(t.Context(), declared("acme")); err != nil {
		t.Fatal(err)
	}
	if n := len(h.processes()); n != 0 {
		t.Errorf("%d processes", n)
	}
	if a, err := h.Authorize(t.Context(), target("acme"), hub.AuthorizeRequest{}); err != nil || !strings.Contains(a.URL, "acme") {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestDraft: a definition can be tried before it is declared, also under a name
// that another plugin has.
func TestDraft(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{}, Declaring, "healthy")
	for _, slug := range []string{"acme", "healthy"} {
		d := target(slug)
		d.Draft = []byte(`{"slug":"` + slug + `"}`)
		if a, err := h.Authorize(t.Context(), d, hub.AuthorizeRequest{}); err != nil || !strings.Contains(a.URL, "definition=") {
			t.Errorf("the draft %s: %+v, %v", slug, a, err)
		}
	}
	if _, err := h.Authorize(t.Context(), target("acme"), hub.AuthorizeRequest{}); err == nil {
		t.Error("a draft is served after it was tried")
	}
	alone := newTestHost(t, Config{}, "healthy")
	d := target("acme")
	d.Draft = []byte(`{"slug":"acme"}`)
	if _, err := alone.Authorize(t.Context(), d, hub.AuthorizeRequest{}); hub.AsError(err).Code != hub.CodePluginUnavailable {
		t.Errorf("without the plugin: %v", err)
	}
}

// TestUntakenDefinitions: a definition that the plugin leaves out is told, until
// it is mended.
func TestUntakenDefinitions(t *testing.T) {
	t.Parallel()
	h := newTestHost(t, Config{Definitions: declared("faulty", "gitlab")}, Declaring)
	if _, err := h.Describe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := h.status(t, Declaring); !slices.Equal(s.Untaken, []string{"faulty"}) || s.Error != "" {
		t.Errorf("untaken: %q, error %q", s.Untaken, s.Error)
	}
	if err := h.SetDefinitions(t.Context(), declared("gitlab")); err != nil {
		t.Fatal(err)
	}
	if s := h.status(t, Declaring); len(s.Untaken) > 0 {
		t.Errorf("untaken: %q, though it is gone", s.Untaken)
	}
}
