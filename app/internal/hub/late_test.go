// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

var errLate = errors.New("the disk did not take the write; it may still arrive")

// hanging is a store whose disk hangs where it is told to: who writes hears an
// error at once, and the write arrives when the disk goes on. So do reads, which
// then return what they saw before.
type hanging struct {
	hub.Store
	write, read atomic.Pointer[hang]
	reads       atomic.Int32
}

type hang struct{ reached, goOn, over chan struct{} }

func newHang() *hang {
	return &hang{reached: make(chan struct{}), goOn: make(chan struct{}), over: make(chan struct{})}
}

func (s *hanging) Update(ctx context.Context, f func(hub.Tx) error) error {
	h := s.write.Swap(nil)
	if h == nil {
		return s.Store.Update(ctx, f)
	}
	go func() {
		defer close(h.over)
		_ = s.Store.Update(ctx, func(tx hub.Tx) error {
			err := f(tx)
			close(h.reached)
			<-h.goOn
			return err
		})
	}()
	<-h.reached
	return errLate
}

func (s *hanging) Get(ctx context.Context, ref hub.Ref) (hub.Record, error) {
	s.reads.Add(1)
	rec, err := s.Store.Get(ctx, ref)
	if h := s.read.Swap(nil); h != nil {
		close(h.reached)
		<-h.goOn
	}
	return rec, err
}

// TestLateUpdate: a connection of which a write arrived late is remembered again
// once something else is written, and never as it was before.
func TestLateUpdate(t *testing.T) {
	s := &hanging{Store: memstore.New()}
	c := hub.NewConnections(s)
	add(t, c, "c", hub.Me, "github")
	add(t, c, "other", hub.Me, "github")
	drawn := func(want string, reads int32) {
		t.Helper()
		before := s.reads.Load()
		got, err := c.Drawn(t.Context(), "c")
		if err != nil {
			t.Fatal(err)
		}
		if token := got.Current.AccessToken.Reveal(); token != want {
			t.Errorf("drew %q, want %q", token, want)
		}
		if n := s.reads.Load() - before; n != reads {
			t.Errorf("the store was read %d times, want %d", n, reads)
		}
	}
	renew := func(id, token string) error {
		return c.Update(t.Context(), func(tx *hub.ConnectionsTx) error {
			_, err := tx.PutTokenSet(id, hub.TokenSet{AccessToken: secret.New(token)})
			return err
		})
	}
	drawn("token of c", 1)
	drawn("token of c", 0)

	disk := newHang()
	s.write.Store(disk)
	if err := renew("c", "late"); !errors.Is(err, errLate) {
		t.Fatal(err)
	}
	drawn("token of c", 1)
	drawn("token of c", 1)
	slow := newHang()
	s.read.Store(slow)
	go func() {
		defer close(slow.over)
		_, _ = c.Drawn(t.Context(), "c")
	}()
	<-slow.reached // it has seen the token from before
	close(disk.goOn)
	<-disk.over
	drawn("late", 1)
	drawn("late", 1)

	if err := renew("other", "something else"); err != nil {
		t.Fatal(err)
	}
	close(slow.goOn)
	<-slow.over
	drawn("late", 1)
	drawn("late", 0)
	if err := renew("c", "in time"); err != nil {
		t.Fatal(err)
	}
	drawn("in time", 1)
	drawn("in time", 0)
}
