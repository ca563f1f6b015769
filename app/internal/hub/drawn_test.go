// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// oneRecord is a store that holds the tokens of one connection and counts how
// often they are read.
type oneRecord struct {
	Store
	tokens *Tokens
	reads  int
}

func (s *oneRecord) Get(_ context.Context, ref Ref) (Record, error) {
	s.reads++
	if s.tokens == nil {
		return Record{}, ErrNotFound
	}
	b, err := encodeTokens(s.tokens)
	return Record{Ref: ref, Generation: s.tokens.Revision, Value: b}, err
}

func (s *oneRecord) Update(_ context.Context, f func(Tx) error) error { return f(nil) }

func issued(token string) *Tokens {
	return &Tokens{
		Connection: "a", Generation: 3, Revision: 5, Previous: &TokenSet{RefreshToken: secret.New("previous")},
		Current: TokenSet{
			AccessToken: secret.New(token), RefreshToken: secret.New("renews"), IDToken: secret.New("id"), TokenType: "Bearer",
			Expiry: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Scopes: []string{"read"}, Metadata: map[string]string{"instance_url": "https://example.test"},
			Named: map[string]NamedToken{"user": {AccessToken: secret.New("further"), RefreshToken: secret.New("renews it")}},
		},
	}
}

// TestDrawn: what a vend needs is read once, holds no other secret, and is never
// older than what was written.
func TestDrawn(t *testing.T) {
	s := &oneRecord{tokens: issued("first")}
	c := NewConnections(s)
	drawn := func(want string) {
		t.Helper()
		got, err := c.Drawn(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		set := got.Current
		if set.AccessToken.Reveal() != want || got.Generation != 3 || got.Revision != 5 || set.Scopes[0] != "read" || set.Metadata["instance_url"] == "" || set.Expiry.IsZero() {
			t.Errorf("drawn %+v, want %q", got, want)
		}
		_, further := set.Named["user"]
		if !further || !set.RefreshToken.IsZero() || !set.IDToken.IsZero() || got.Previous != nil || !set.Named["user"].AccessToken.IsZero() || !set.Named["user"].RefreshToken.IsZero() {
			t.Errorf("drawn with more than the access token: %+v", got)
		}
	}
	drawn("first")
	drawn("first")
	if s.reads != 1 {
		t.Errorf("read %d times", s.reads)
	}
	write := func(tokens *Tokens) {
		_ = c.Update(t.Context(), func(tx *ConnectionsTx) error {
			s.tokens = tokens
			tx.renewed = append(tx.renewed, "a")
			return nil
		})
	}
	write(issued("second"))
	drawn("second")
	write(nil)
	if got, err := c.Drawn(t.Context(), "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a connection that is gone: %+v, %v", got, err)
	}
}

// TestDrawnIsSealed: what is remembered has no token in the clear, and does not
// open once it was to be forgotten, wherever it may lie in the memory.
func TestDrawnIsSealed(t *testing.T) {
	s := &oneRecord{tokens: issued("canary")}
	c := NewConnections(s)
	if _, err := c.Drawn(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	kept, version, ok := c.drawn.kept.get("a")
	if !ok {
		t.Fatal("it is not remembered")
	}
	if !kept.tokens.Current.AccessToken.IsZero() || bytes.Contains(kept.sealed, []byte("canary")) || bytes.Contains(fmt.Append(nil, kept), []byte("canary")) {
		t.Errorf("a token lies in the clear: %+v", kept)
	}
	c.Forget()
	c.drawn.kept.put("a", kept, version+1) // as if the memory were searched
	if got, _, ok := c.drawn.get("a"); ok {
		t.Errorf("after it was forgotten: %+v", got)
	}
	if _, err := c.Drawn(t.Context(), "a"); err != nil || s.reads != 2 {
		t.Errorf("read %d times, %v", s.reads, err)
	}
}
