// SPDX-License-Identifier: Apache-2.0

package hub_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

func TestPicture(t *testing.T) {
	ctx := t.Context()
	conns := hub.NewConnections(memstore.New())
	mona, other := hub.Account{Issuer: "i", Subject: "mona"}, hub.Account{Issuer: "i", Subject: "other"}
	update := func(f func(*hub.ConnectionsTx) error) error {
		return conns.Update(ctx, f)
	}
	put := func(of hub.Account, png string) error {
		return update(func(tx *hub.ConnectionsTx) error { return tx.PutPicture("c", of, []byte(png)) })
	}
	change := func(f func(*hub.Connection)) {
		t.Helper()
		if err := update(func(tx *hub.ConnectionsTx) error {
			conn, err := tx.Connection("c")
			if errors.Is(err, hub.ErrNotFound) {
				conn, err = &hub.Connection{ID: "c", Owner: hub.Me, State: hub.StateConnected, Account: mona}, nil
			}
			if err != nil {
				return err
			}
			f(conn)
			return tx.PutConnection(conn)
		}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(png string) {
		t.Helper()
		got, err := conns.Picture(ctx, "c")
		conn, connErr := conns.Get(ctx, "c")
		gone := errors.Is(err, hub.ErrNotFound) && (errors.Is(connErr, hub.ErrNotFound) || conn.Picture == "")
		if png == "" && !gone || png != "" && (err != nil || string(got) != png || conn.Picture == "") {
			t.Fatalf("picture %q, %v of %+v, want %q", got, err, conn, png)
		}
	}

	if err := put(mona, "x"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("of no connection: %v", err)
	}
	change(func(c *hub.Connection) { c.Account.PictureURL = "https://pictures.example.test/mona.png" })
	if conn, err := conns.Get(ctx, "c"); err != nil || conn.Account.PictureURL != "" {
		t.Errorf("the URL is kept: %+v, %v", conn, err)
	}
	want("")
	if err := put(mona, "one"); err != nil {
		t.Fatal(err)
	}
	want("one")
	before, _ := conns.Get(ctx, "c")
	if err := put(mona, "two"); err != nil {
		t.Fatal(err)
	}
	want("two")
	if after, _ := conns.Get(ctx, "c"); after.Picture == before.Picture {
		t.Error("another picture has the same name")
	}
	if err := put(other, "three"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("of another account: %v", err)
	}
	if err := put(mona, string(bytes.Repeat([]byte("x"), 64<<10+1))); err == nil {
		t.Error("a picture without a bound was stored")
	}
	want("two")
	change(func(c *hub.Connection) { c.Account = other })
	want("")
	if err := put(other, "four"); err != nil {
		t.Fatal(err)
	}
	change(func(c *hub.Connection) { c.Picture = "" })
	want("")
	if err := put(other, "five"); err != nil {
		t.Fatal(err)
	}
	change(func(c *hub.Connection) { c.State = hub.StateDisconnected })
	if err := put(other, "six"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("of a disconnected one: %v", err)
	}
	want("five")
	if err := conns.Update(context.Background(), func(tx *hub.ConnectionsTx) error { return tx.DeleteConnection("c") }); err != nil {
		t.Fatal(err)
	}
	want("")
}
