// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func note(t *testing.T, c *hub.Connections, id string, m hub.Moment) {
	t.Helper()
	if err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.Note(id, m) }); err != nil {
		t.Fatal(err)
	}
}

func history(t *testing.T, c *hub.Connections, id string) []hub.Moment {
	t.Helper()
	h, err := c.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHistory(t *testing.T) {
	c := hub.NewConnections(memstore.New())
	add(t, c, "c", hub.Me, "github")
	if h := history(t, c, "c"); len(h) != 0 {
		t.Errorf("of a new connection: %+v", h)
	}
	moments := []hub.Moment{
		{Time: clock, Cause: hub.CauseAhead},
		{Time: clock.Add(time.Minute), Cause: hub.CauseDraw, Token: "user", Code: hub.CodeProviderUnavailable, Message: "it answers with 503"},
		{Time: clock.Add(time.Hour), Cause: hub.CauseRefused, Code: hub.CodeNeedsReauthorization, Reason: hub.ReasonRevoked},
	}
	for _, m := range moments {
		note(t, c, "c", m)
	}
	slices.Reverse(moments)
	if h := history(t, c, "c"); !slices.Equal(h, moments) {
		t.Errorf("got %+v", h)
	}
	remove(t, c, "c")
	if h := history(t, c, "c"); len(h) != 0 {
		t.Errorf("it outlives its connection: %+v", h)
	}
}

// TestHistoryIsBounded: it is read and written with each renewal.
func TestHistoryIsBounded(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	const many = 1000
	size := func(id string, m hub.Moment) int {
		for n := range many {
			m.Time = clock.Add(time.Duration(n) * time.Hour)
			note(t, c, id, m)
		}
		h := history(t, c, id)
		if len(h) != 50 || !h[0].Time.Equal(clock.Add((many-1)*time.Hour)) || !h[49].Time.Equal(clock.Add((many-50)*time.Hour)) {
			t.Errorf("%d moments, from %+v to %+v", len(h), h[0], h[len(h)-1])
		}
		rec, err := store.Get(t.Context(), hub.Ref{Kind: hub.KindHistory, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return len(rec.Value)
	}
	if n := size("renewed", hub.Moment{Cause: hub.CauseAhead}); n > 1000 {
		t.Errorf("renewals take %d bytes", n)
	}
	long := hub.Moment{Cause: hub.CauseDraw, Code: hub.CodeProviderUnavailable, Message: strings.Repeat("ü", 5000)}
	if n := size("failed", long); n > 20_000 {
		t.Errorf("failures take %d bytes", n)
	}
	if m := history(t, c, "failed")[0].Message; !utf8.ValidString(m) || !strings.HasSuffix(m, "ü…") {
		t.Errorf("cut to %q", m)
	}
}

// TestDamagedHistory costs nothing but itself: it is written with tokens.
func TestDamagedHistory(t *testing.T) {
	store := memstore.New()
	c := hub.NewConnections(store)
	ref := hub.Ref{Kind: hub.KindHistory, ID: "c"}
	if err := store.Update(t.Context(), func(tx hub.Tx) error {
		_, err := tx.Put(ref, 0, []byte("[]"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if h := history(t, c, "c"); len(h) != 0 {
		t.Errorf("read as %+v", h)
	}
	note(t, c, "c", hub.Moment{Time: clock, Cause: hub.CauseAhead})
	if h := history(t, c, "c"); len(h) != 1 {
		t.Errorf("begun anew: %+v", h)
	}
	if err := c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		tx.Tx = &brokenTx{tx.Tx, ref}
		return tx.Note("c", hub.Moment{Time: clock, Cause: hub.CauseDraw})
	}); err != nil {
		t.Error(err)
	}
	if h := history(t, c, "c"); len(h) != 1 || h[0].Cause != hub.CauseDraw {
		t.Errorf("begun anew where it did not open: %+v", h)
	}
}
