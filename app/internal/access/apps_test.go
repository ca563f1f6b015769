// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestRotate(t *testing.T) {
	g := newGate(t)
	app, old := g.add(hub.NewApp{Name: "editor", ExpiresIn: 90 * 24 * time.Hour, Grants: []hub.Grant{{Integration: "github", Scopes: []string{"r"}}}})
	g.now = g.now.Add(24 * time.Hour)
	rotated, key, err := g.Rotate(t.Context(), app.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if g.opens(old) || !g.opens(key) || !strings.HasPrefix(key, "sp_app_") {
		t.Error("the old key opens, or the new one does not")
	}
	if life := rotated.ExpiresAt.Sub(g.now); life != 90*24*time.Hour || len(rotated.Grants) != 1 {
		t.Errorf("the app is %+v", rotated)
	}
	g.restart()
	if g.opens(old) || !g.opens(key) {
		t.Error("after a restart: the old key opens, or the new one does not")
	}
	if rotated, _, err = g.Rotate(t.Context(), app.ID, time.Hour); err != nil || rotated.ExpiresAt.Sub(g.now) != time.Hour {
		t.Errorf("got %+v, %v", rotated, err)
	}
	g.now = g.now.Add(2 * time.Hour)
	if _, key, err = g.Rotate(t.Context(), app.ID, 0); err != nil || !g.opens(key) {
		t.Errorf("an expired key cannot be rotated: %v", err)
	}
	if _, _, err := g.Rotate(t.Context(), "app_x", 0); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func TestRename(t *testing.T) {
	g := newGate(t)
	app, key := g.add(hub.NewApp{Name: "editor"})
	if got, err := g.Rename(t.Context(), app.ID, " vim "); err != nil || got.Name != "vim" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := g.Rename(t.Context(), app.ID, "a\nb"); hub.AsError(err).Field != "name" {
		t.Errorf("got %v", err)
	}
	g.restart()
	if list, _ := g.List(t.Context()); list[0].Name != "vim" || !g.opens(key) {
		t.Errorf("after a restart: %+v", list)
	}
}

// TestWhatLivesOn: revoking tells of the tokens that nobody can take back.
func TestWhatLivesOn(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "editor", Grants: []hub.Grant{
		{Integration: "github"}, {Integration: "slack"}, {Integration: "github", Connection: "a", Lasts: hub.LastsUntilLock},
	}})
	drew := func(integration, id string, life time.Duration) {
		v := &hub.Vended{Connection: &hub.Connection{ID: id, Integration: integration}}
		if life > 0 {
			v.Expiry = g.now.Add(life)
		}
		g.Drew(app.ID, v)
	}
	drew("github", "a", time.Hour)
	drew("github", "a", 2*time.Hour) // its successor
	drew("github", "b", time.Minute)
	drew("slack", "s", 0)
	g.now = g.now.Add(10 * time.Minute)
	g.restart() // it is remembered; what lasts until the lock is not
	if list, _ := g.List(t.Context()); len(list[0].Grants) != 2 {
		t.Fatalf("the grants are %+v", list[0].Grants)
	}
	drawn, err := g.Withdraw(t.Context(), app.ID, app.Grants[0].ID)
	if err != nil || len(drawn) != 1 || drawn[0].Connection != "a" || !drawn[0].ExpiresAt.Equal(g.now.Add(110*time.Minute)) {
		t.Errorf("got %+v, %v", drawn, err)
	}
	if _, err := g.Withdraw(t.Context(), app.ID, app.Grants[0].ID); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("withdrawn again: %v", err)
	}
	if drawn, err = g.Revoke(t.Context(), app.ID); err != nil || len(drawn) != 2 {
		t.Errorf("got %+v, %v", drawn, err)
	}
}

func TestWithdrawOfOneOfTwo(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "editor", Grants: []hub.Grant{{Integration: "github"}, {Integration: "github", Connection: "a"}}})
	g.Drew(app.ID, &hub.Vended{Connection: &hub.Connection{ID: "a", Integration: "github"}, Expiry: g.now.Add(time.Hour)})
	if drawn, err := g.Withdraw(t.Context(), app.ID, app.Grants[1].ID); err != nil || len(drawn) != 0 {
		t.Errorf("it may draw that by the other grant still: %+v, %v", drawn, err)
	}
}

func TestInvalidGrants(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "editor"})
	for name, grant := range map[string]hub.Grant{
		"no integration":  {Connection: "c"},
		"no scope at all": {Integration: "github", Scopes: []string{}},
		"mode":            {Integration: "github", Mode: "both"},
		"life":            {Integration: "github", Lasts: "forever"},
		"until nothing":   {Integration: "github", Lasts: hub.LastsUntil},
		"always until":    {Integration: "github", ExpiresAt: g.now},
	} {
		if _, err := g.Grant(t.Context(), app.ID, grant); hub.AsError(err) == nil || hub.AsError(err).Code != hub.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, _ := g.List(t.Context()); len(list[0].Grants) != 0 {
		t.Errorf("granted %+v", list[0].Grants)
	}
}

// TestGrantsDoNotPileUp: the same answer twice is one grant.
func TestGrantsDoNotPileUp(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "editor"})
	for range 300 {
		for _, grant := range []hub.Grant{{Integration: "github"}, {Integration: "github", Lasts: hub.LastsUntilLock}} {
			if _, err := g.Grant(t.Context(), app.ID, grant); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list, _ := g.List(t.Context()); len(list[0].Grants) != 2 {
		t.Errorf("%d grants", len(list[0].Grants))
	}
}

func TestPairing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		program := hub.Peer{UID: 1000, PID: 42, Exe: "/usr/bin/editor"}
		p, secret, err := d.Pair(t.Context(), hub.NewPairing{Name: "Editor", Program: program, Grants: []hub.Grant{{Integration: "github"}}})
		if err != nil || len(p.Code) != 9 || p.Code[4] != '-' || strings.Contains(p.Code, secret) {
			t.Fatalf("got %+v, %v", p, err)
		}
		if app, key, err := d.Collect(t.Context(), secret, 0); app != nil || key != "" || err != nil {
			t.Errorf("before an answer: %+v, %v", app, err)
		}
		if list := d.Pairings(t.Context()); len(list) != 1 || list[0].Program != program || list[0].Approved {
			t.Errorf("waiting: %+v", list)
		}
		type answer struct {
			app *hub.App
			key string
			err error
		}
		got := make(chan answer, 1)
		go func() {
			app, key, err := d.Collect(t.Context(), secret, 30*time.Second)
			got <- answer{app, key, err}
		}()
		synctest.Wait()
		code := strings.ToLower(strings.ReplaceAll(p.Code, "-", " ")) // as a person types it
		if err := d.ApprovePairing(t.Context(), code, hub.ApprovePairing{}); err != nil {
			t.Fatal(err)
		}
		a := <-got
		if a.err != nil || a.app.Name != "Editor" || a.app.Program != program || len(a.app.Grants) != 1 || a.app.Grants[0].Lasts != hub.LastsAlways {
			t.Fatalf("collected %+v, %v", a.app, a.err)
		}
		if _, err := d.Authenticate(t.Context(), a.key); err != nil {
			t.Error(err)
		}
		if _, _, err := d.Collect(t.Context(), secret, 0); hub.AsError(err).Code != hub.CodeUnauthorized {
			t.Errorf("collected twice: %v", err)
		}
		if len(d.Pairings(t.Context())) != 0 {
			t.Error("the pairing waits on")
		}
	})
}

func TestPairingRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		pair := func() (code, secret string) {
			p, secret, err := d.Pair(t.Context(), hub.NewPairing{Name: "x"})
			if err != nil {
				t.Fatal(err)
			}
			return p.Code, secret
		}
		code, secret := pair()
		if err := d.DenyPairing(t.Context(), code); err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Collect(t.Context(), secret, 0); hub.AsError(err).Code != hub.CodeUserDenied {
			t.Errorf("denied: %v", err)
		}
		if err := d.ApprovePairing(t.Context(), code, hub.ApprovePairing{}); hub.AsError(err).Code != hub.CodeConflict {
			t.Errorf("approved after all: %v", err)
		}
		if _, _, err := d.Collect(t.Context(), "sp_pair_guess", 0); hub.AsError(err).Code != hub.CodeUnauthorized {
			t.Errorf("a guess: %v", err)
		}
		if err := d.ApprovePairing(t.Context(), "BBBB-BBBB", hub.ApprovePairing{}); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("an unknown code: %v", err)
		}
		// The user's choice counts, not what was asked for.
		code, secret = pair()
		if err := d.ApprovePairing(t.Context(), code, hub.ApprovePairing{Name: "mine", Grants: []hub.Grant{}, ExpiresIn: time.Hour}); err != nil {
			t.Fatal(err)
		}
		app, _, err := d.Collect(t.Context(), secret, 0)
		if err != nil || app.Name != "mine" || len(app.Grants) != 0 || time.Until(app.ExpiresAt) != time.Hour {
			t.Errorf("collected %+v, %v", app, err)
		}
		code, secret = pair()
		time.Sleep(10 * time.Minute)
		if _, _, err := d.Collect(t.Context(), secret, 0); hub.AsError(err).Code != hub.CodeUnauthorized {
			t.Errorf("after ten minutes: %v", err)
		}
		if err := d.ApprovePairing(t.Context(), code, hub.ApprovePairing{}); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("approved after ten minutes: %v", err)
		}
	})
}

func TestPairingsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		codes, refused := map[string]bool{}, 0
		for range 50 {
			p, _, err := d.Pair(t.Context(), hub.NewPairing{Name: "flood"})
			switch {
			case err == nil:
				codes[p.Code] = true
			case hub.AsError(err).Code == hub.CodeTooManyRequests:
				refused++
			default:
				t.Fatal(err)
			}
		}
		if len(codes) != 10 || refused != 40 || len(d.Pairings(t.Context())) != 10 {
			t.Errorf("%d wait, %d were refused", len(codes), refused)
		}
		if list, _ := d.List(t.Context()); len(list) != 1 {
			t.Errorf("%d apps: asking makes none", len(list))
		}
		for code := range codes { // a denied one makes room
			if err := d.DenyPairing(t.Context(), code); err != nil {
				t.Fatal(err)
			}
			break
		}
		if _, _, err := d.Pair(t.Context(), hub.NewPairing{Name: "next"}); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Minute)
		if n := len(d.Pairings(t.Context())); n != 0 {
			t.Errorf("%d wait after ten minutes", n)
		}
	})
}

// TestPairingCodeHoweverWritten: a person types it.
func TestPairingCodeHoweverWritten(t *testing.T) {
	d := newDesk(t)
	p, _, err := d.Pair(t.Context(), hub.NewPairing{Name: "Editor"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ApprovePairing(t.Context(), p.Code, hub.ApprovePairing{}); err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(p.Code, "-", "")
	for _, code := range []string{p.Code, plain, strings.ToLower(plain), " " + plain[:4] + " " + strings.ToLower(plain[4:]) + " "} {
		if err := d.DenyPairing(t.Context(), code); hub.AsError(err).Code != hub.CodeConflict { // it is answered
			t.Errorf("%q: %v", code, err)
		}
	}
	for _, code := range []string{"", "x", p.Code + "-X", plain[:7]} {
		if err := d.DenyPairing(t.Context(), code); hub.AsError(err).Code != hub.CodeNotFound {
			t.Errorf("%q: %v", code, err)
		}
	}
}

// TestDrawingWritesNothing: a vend waits for no disk, and what a backend drew
// for thousands of users is bounded.
func TestDrawingWritesNothing(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "backend", Kind: hub.AppServer, All: true})
	before := g.store.updates.Load()
	for i := range 5000 {
		g.Drew(app.ID, &hub.Vended{Connection: &hub.Connection{ID: fmt.Sprint(i), Integration: "github"}, Expiry: g.now.Add(time.Hour)})
	}
	if n := g.store.updates.Load() - before; n != 0 {
		t.Errorf("%d writes within 5000 draws", n)
	}
	g.remember()
	g.remember()
	if n := g.store.updates.Load() - before; n != 1 {
		t.Errorf("%d writes to remember them", n)
	}
	drawn, err := g.Revoke(t.Context(), app.ID)
	if err != nil || len(drawn) != 1000 {
		t.Errorf("%d are known, %v", len(drawn), err)
	}
}

// TestTwoTokensOfOneConnection: a bot's and a user's token in turn are no news.
func TestTwoTokensOfOneConnection(t *testing.T) {
	g := newGate(t)
	app, _ := g.add(hub.NewApp{Name: "editor", Grants: []hub.Grant{{Integration: "slack"}}})
	draw := func(life time.Duration) {
		g.Drew(app.ID, &hub.Vended{Connection: &hub.Connection{ID: "s", Integration: "slack"}, Expiry: g.now.Add(life)})
		g.remember()
	}
	draw(time.Hour)
	draw(2 * time.Hour)
	before := g.store.updates.Load()
	for range 10 {
		draw(time.Hour)
		draw(2 * time.Hour)
	}
	if n := g.store.updates.Load() - before; n != 0 {
		t.Errorf("%d writes", n)
	}
	if drawn, _ := g.Revoke(t.Context(), app.ID); len(drawn) != 1 || !drawn[0].ExpiresAt.Equal(g.now.Add(2*time.Hour)) {
		t.Errorf("it holds %+v", drawn)
	}
}

// TestUseIsRememberedInTheBackground, and not before it may have gathered.
func TestUseIsRememberedInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t)
		app, _ := g.add(hub.NewApp{Name: "editor", Grants: []hub.Grant{{Integration: "github"}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		before := g.store.updates.Load()
		for i := range 10 {
			g.Drew(app.ID, &hub.Vended{Connection: &hub.Connection{ID: fmt.Sprint(i), Integration: "github"}})
		}
		synctest.Wait()
		if n := g.store.updates.Load() - before; n != 0 {
			t.Errorf("%d writes at once", n)
		}
		time.Sleep(time.Minute)
		if n := g.store.updates.Load() - before; n != 1 {
			t.Errorf("%d writes after a minute", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
