// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

var now = time.Date(2026, 11, 27, 2, 0, 0, 0, time.UTC)

func put(t *testing.T, conns *hub.Connections, conn *hub.Connection, set *hub.TokenSet) {
	t.Helper()
	err := conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		if err := tx.PutConnection(conn); err != nil || set == nil {
			return err
		}
		_, err := tx.PutTokenSet(conn.ID, *set)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// some stores one connection of each sort.
func some(t *testing.T) *hub.Connections {
	t.Helper()
	conns := hub.NewConnections(memstore.New())
	rotating := &hub.TokenSet{AccessToken: secret.New("a"), RefreshToken: secret.New("r")}
	lasting := &hub.TokenSet{AccessToken: secret.New("a")}
	named := &hub.TokenSet{AccessToken: secret.New("a"), Named: map[string]hub.NamedToken{"user": {RefreshToken: secret.New("r")}}}
	put(t, conns, &hub.Connection{ID: "rotating", State: hub.StateConnected}, rotating)
	put(t, conns, &hub.Connection{ID: "lasting", State: hub.StateConnected}, lasting)
	put(t, conns, &hub.Connection{ID: "named", State: hub.StateConnected}, named)
	put(t, conns, &hub.Connection{ID: "bare", State: hub.StateConnected}, nil)
	put(t, conns, &hub.Connection{ID: "revoked", State: hub.StateNeedsReauthorization, Reason: hub.ReasonRevoked}, rotating)
	put(t, conns, &hub.Connection{ID: "leaving", State: hub.StateDisconnected}, rotating)
	put(t, conns, &hub.Connection{ID: "moved before", State: hub.StateNeedsReauthorization, Reason: hub.ReasonMoved, Backup: "b0"}, rotating)
	return conns
}

func ids(list []*hub.Connection) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, c.ID)
	}
	slices.Sort(out)
	return out
}

func TestHoldAndRelease(t *testing.T) {
	for _, c := range []struct {
		reason hub.Reason
		held   []string
	}{
		{hub.ReasonMoved, []string{"bare", "lasting", "named", "rotating"}},
		{hub.ReasonRestored, []string{"named", "rotating"}},
	} {
		conns := some(t)
		before := states(t, conns)
		held, err := Hold(t.Context(), conns, nil, c.reason, "b1", now, nil)
		if err != nil || !slices.Equal(ids(held), c.held) {
			t.Fatalf("%s: held %v, %v", c.reason, ids(held), err)
		}
		for _, id := range c.held {
			conn, err := conns.Get(t.Context(), id)
			if err != nil || !conn.Elsewhere() || conn.State != hub.StateNeedsReauthorization || conn.Backup != "b1" || !conn.UpdatedAt.Equal(now) {
				t.Errorf("%s: %+v, %v", c.reason, conn, err)
			}
		}
		if again, err := Hold(t.Context(), conns, nil, c.reason, "b2", now, nil); err != nil || len(again) != 0 {
			t.Errorf("%s: held again: %v, %v", c.reason, ids(again), err)
		}
		back, err := Release(t.Context(), conns, nil, now, func(conn *hub.Connection) bool { return conn.Backup == "b1" })
		if err != nil || !slices.Equal(ids(back), c.held) {
			t.Errorf("%s: released %v, %v", c.reason, ids(back), err)
		}
		if after := states(t, conns); after != before {
			t.Errorf("%s: before %s, after %s", c.reason, before, after)
		}
	}
}

func states(t *testing.T, conns *hub.Connections) string {
	t.Helper()
	out := []string{}
	for c, err := range conns.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(c.ID, c.State, c.Reason, c.Backup))
	}
	slices.Sort(out)
	return fmt.Sprint(out)
}

func TestHoldManyInBatches(t *testing.T) {
	conns := hub.NewConnections(memstore.New())
	for i := range 3*batch + 1 {
		put(t, conns, &hub.Connection{ID: fmt.Sprint(i), State: hub.StateConnected}, nil)
	}
	held, err := Hold(t.Context(), conns, nil, hub.ReasonMoved, "b", now, nil)
	if err != nil || len(held) != 3*batch+1 {
		t.Errorf("%d, %v", len(held), err)
	}
}

// desk is a Desk with what it needs.
type desk struct {
	*Desk
	events  []hub.Event
	mu      sync.Mutex // entries are recorded side by side
	audited []hub.AuditEntry
	refuse  error // of the audit
	stuck   error // of the refreshes
}

func newDesk(conns *hub.Connections) *desk {
	d := &desk{}
	n := 0
	d.Desk = New(Config{
		Connections: conns, Refreshes: d, Auditor: d, Publisher: d, Now: func() time.Time { return now },
		NewID: func(p string) string { n++; return fmt.Sprintf("%s_%d", p, n) },
	})
	return d
}

func (d *desk) Publish(e hub.Event) { d.events = append(d.events, e) }
func (d *desk) Record(_ context.Context, e hub.AuditEntry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.audited = append(d.audited, e)
	return d.refuse
}
func (d *desk) Quiesce(context.Context, []string) error { return d.stuck }

func TestMoveAwayAndTakeBack(t *testing.T) {
	conns := some(t)
	before := states(t, conns)
	d := newDesk(conns)
	if err := d.MoveAway(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	if len(d.events) != 4 || d.events[0].Type != hub.EventNeedsReauthorization || d.events[0].Reason != hub.ReasonMoved {
		t.Errorf("events %+v", d.events)
	}
	if err := d.TakeBack(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	if after := states(t, conns); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	d.stuck = errors.New("the disk is full")
	if err := d.MoveAway(t.Context(), "b2"); !errors.Is(err, d.stuck) {
		t.Errorf("got %v", err)
	}
	if after := states(t, conns); after != before {
		t.Errorf("after a move that failed: before %s, after %s", before, after)
	}
}

func TestResume(t *testing.T) {
	conns := some(t)
	d := newDesk(conns)
	if err := d.MoveAway(t.Context(), "b1"); err != nil {
		t.Fatal(err)
	}
	d.refuse = errors.New("no audit")
	if _, err := d.Resume(t.Context(), "user", hub.ResumeRequest{All: true}); !errors.Is(err, d.refuse) {
		t.Errorf("without audit: %v", err)
	}
	d.refuse, d.audited, d.events = nil, nil, nil
	for _, c := range []struct {
		req  hub.ResumeRequest
		want []string
	}{
		{hub.ResumeRequest{Connections: []string{"rotating", "revoked", "unknown"}}, []string{"rotating"}},
		{hub.ResumeRequest{Connections: []string{"moved before"}, Backup: "b1"}, []string{}},
		{hub.ResumeRequest{Backup: "b1"}, []string{"bare", "lasting", "named"}},
		{hub.ResumeRequest{All: true}, []string{"moved before"}},
		{hub.ResumeRequest{All: true}, []string{}},
	} {
		back, err := d.Resume(t.Context(), "user", c.req)
		if err != nil || !slices.Equal(ids(back), c.want) {
			t.Errorf("%+v: %v, %v", c.req, ids(back), err)
		}
	}
	if len(d.audited) != 5 || d.audited[0].Action != hub.AuditResume || d.audited[0].Connection == "" {
		t.Errorf("audited %+v", d.audited)
	}
	if len(d.events) != 5 || d.events[0].Type != hub.EventConnected {
		t.Errorf("events %+v", d.events)
	}
	if _, err := d.Resume(t.Context(), "user", hub.ResumeRequest{}); hub.AsError(err).Code != hub.CodeInvalid {
		t.Errorf("nothing said: %v", err)
	}
}
