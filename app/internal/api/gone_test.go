// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// removals is an audit of removed apps, whose reading takes until it is let go on.
type removals struct {
	Activity
	goOn  chan struct{}
	err   error
	reads int
}

func (a *removals) Read(ctx context.Context, _ hub.AuditFilter) iter.Seq2[hub.AuditRecord, error] {
	return func(yield func(hub.AuditRecord, error) bool) {
		a.reads++
		select {
		case <-a.goOn:
		case <-ctx.Done():
			yield(hub.AuditRecord{}, ctx.Err())
			return
		}
		if a.err != nil {
			yield(hub.AuditRecord{}, a.err)
			return
		}
		yield(hub.AuditRecord{AuditEntry: hub.AuditEntry{Action: hub.AuditAppRemove, Subject: "app_gone", Name: "editor"}}, nil)
	}
}

// TestGoneApps: a long reading of the audit holds up nobody who can be answered
// without, or does not want to wait any more, and serves all who wait.
func TestGoneApps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		audit := &removals{goOn: make(chan struct{})}
		g := newGoneApps(audit)
		g.names["app_known"] = "terminal"
		impatient, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		ask := func(ctx context.Context, id, want string) {
			all.Go(func() {
				if name := g.name(ctx, id); name != want {
					t.Errorf("%s was called %q, want %q", id, name, want)
				}
			})
		}
		ask(t.Context(), "app_gone", "editor")
		synctest.Wait()
		for i := range 10 {
			ask(t.Context(), "app_gone", "editor")
			ask(t.Context(), fmt.Sprintf("app_%d", i), "") // of which the audit does not tell
		}
		synctest.Wait()
		if name := g.name(t.Context(), "app_known"); name != "terminal" {
			t.Errorf("one that is known is called %q", name)
		}
		ask(impatient, "app_gone", "")
		synctest.Wait()
		leave()
		synctest.Wait()
		close(audit.goOn)
		all.Wait()
		ask(t.Context(), "app_3", "")
		all.Wait()
		if audit.reads != 2 { // the second is for those who asked during the first
			t.Errorf("the audit was read %d times", audit.reads)
		}
	})
}

// TestGoneAppsAfterAnError: what could not be read is read again.
func TestGoneAppsAfterAnError(t *testing.T) {
	audit := &removals{goOn: make(chan struct{}), err: errors.New("locked")}
	close(audit.goOn)
	g := newGoneApps(audit)
	if name := g.name(t.Context(), "app_gone"); name != "" {
		t.Errorf("called %q", name)
	}
	audit.err = nil
	if name := g.name(t.Context(), "app_gone"); name != "editor" {
		t.Errorf("called %q", name)
	}
}
