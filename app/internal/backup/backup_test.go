// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

const canary = "canary-refresh-token"

// filled is a store with two records of every kind.
func filled(t testing.TB) *memstore.Store {
	t.Helper()
	s := memstore.New()
	err := s.Update(context.Background(), func(tx hub.Tx) error {
		for k := range hub.Kinds() {
			for i := range 2 {
				ref := hub.Ref{Kind: k.Kind, ID: fmt.Sprintf("%s-%d", k.Kind, i)}
				if _, err := tx.Put(ref, 0, []byte(canary+" of "+ref.ID+"\n\x00\xff")); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// content is what of a store belongs into a backup.
func content(t testing.TB, s hub.Store) map[hub.Ref]string {
	t.Helper()
	out := map[hub.Ref]string{}
	for k := range hub.Kinds() {
		if k.Keeping != hub.Kept {
			continue
		}
		for r, err := range s.List(context.Background(), k.Kind) {
			if err != nil {
				t.Fatal(err)
			}
			out[r.Ref] = string(r.Value)
		}
	}
	return out
}

func identity(t testing.TB) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

var mine = Manifest{
	ID: "backup_01", CreatedAt: time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC), Program: "test", StoreID: strings.Repeat("0", 32),
}

func write(t testing.TB, s hub.Store, to age.Recipient) []byte {
	t.Helper()
	var buf bytes.Buffer
	if _, err := Write(context.Background(), s, mine, false, &buf, to); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// restored opens a backup and restores it into an empty store.
func restored(b []byte, by age.Identity) (Manifest, *memstore.Store, error) {
	s := memstore.New()
	r, err := Open(bytes.NewReader(b), by)
	if err != nil {
		return Manifest{}, s, err
	}
	check, err := Restore(context.Background(), s, r)
	if err != nil {
		return Manifest{}, s, err
	}
	return r.Manifest(), s, check.Verify(context.Background(), s, nil)
}

func TestRoundTrip(t *testing.T) {
	s, key := filled(t), identity(t)
	b := write(t, s, key.Recipient())
	if bytes.Contains(b, []byte(canary)) || bytes.Contains(b, []byte("connection")) {
		t.Error("something is in the clear")
	}
	m, got, err := restored(b, key)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(content(t, got), content(t, s)) {
		t.Errorf("restored %v", content(t, got))
	}
	if m.ID != mine.ID || !m.CreatedAt.Equal(mine.CreatedAt) || m.Format != Format || m.Records[hub.KindTokens] != 2 || m.Total() != len(content(t, s)) {
		t.Errorf("manifest %+v", m)
	}
	for k := range hub.Kinds() {
		for range got.List(t.Context(), k.Kind) {
			if k.Keeping != hub.Kept {
				t.Errorf("a record of the kind %s was carried", k.Kind)
			}
		}
	}
}

func TestEmptyStore(t *testing.T) {
	key := identity(t)
	if m, _, err := restored(write(t, memstore.New(), key.Recipient()), key); err != nil || m.Total() != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestPassphrase(t *testing.T) {
	r, err := age.NewScryptRecipient("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	s := filled(t)
	b := write(t, s, r)
	if !WantsPassphrase(b[:HeadSize]) || WantsPassphrase(write(t, s, identity(t).Recipient())[:HeadSize]) {
		t.Error("what opens it is not told from its head")
	}
	for phrase, want := range map[string]error{"correct horse": nil, "battery staple": ErrWrongKey} {
		i, err := age.NewScryptIdentity(phrase)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := restored(b, i); !errors.Is(err, want) {
			t.Errorf("%q: %v", phrase, err)
		}
	}
	if _, _, err := restored(b, identity(t)); !errors.Is(err, ErrWrongKey) {
		t.Errorf("an identity for a passphrase: %v", err)
	}
}

// TestDamage cuts a backup at every length, and changes every byte of it.
func TestDamage(t *testing.T) {
	key := identity(t)
	whole := write(t, filled(t), key.Recipient())
	refused := func(what string, b []byte) {
		t.Helper()
		_, _, err := restored(b, key)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range whole {
		refused(fmt.Sprintf("cut at %d", n), whole[:n])
		b := bytes.Clone(whole)
		b[n] ^= 1
		refused(fmt.Sprintf("byte %d", n), b)
	}
	refused("something behind it", append(bytes.Clone(whole), 'x'))
	refused("twice", append(bytes.Clone(whole), whole...))
	refused("no age file", []byte("-----BEGIN"))
}

// TestLongBackup is one of several chunks of age: cutting at a chunk leaves a
// file of which every byte is authentic.
func TestLongBackup(t *testing.T) {
	s, key := memstore.New(), identity(t)
	err := s.Update(t.Context(), func(tx hub.Tx) error {
		for i := range 3000 {
			if _, err := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: fmt.Sprint(i)}, 0, bytes.Repeat([]byte{byte(i)}, 200)); err != nil {
				return err
			}
		}
		_, err := tx.Put(hub.Ref{Kind: hub.KindTokens, ID: "large"}, 0, make([]byte, 1<<20))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := write(t, s, key.Recipient())
	if _, got, err := restored(b, key); err != nil || !maps.Equal(content(t, got), content(t, s)) {
		t.Errorf("restored %d of %d records, %v", len(content(t, got)), len(content(t, s)), err)
	}
	head := bytes.Index(b, []byte("--- ")) + 48 + 16 // the header's MAC line, and the nonce
	for _, cut := range []int{head + 65552, head + 2*65552, len(b) - 17} {
		if _, _, err := restored(b[:cut], key); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d of %d: %v", cut, len(b), err)
		}
	}
}

// forged is a backup that was not made by Write: its lines are encrypted as
// they are.
func forged(t *testing.T, to age.Recipient, lines ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		t.Fatal(err)
	}
	sum := newSum()
	for _, l := range lines {
		l = strings.ReplaceAll(l, "SUM", sum.hex()) + "\n"
		sum.Write([]byte(l))
		if _, err := io.WriteString(w, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestMalformed: a backup that the right key encrypted is not believed for
// that alone.
func TestMalformed(t *testing.T) {
	key := identity(t)
	const (
		head = `{"standpipe_backup":1,"id":"b","created_at":"2026-11-27T00:00:00Z","program":"x","store_id":"s","moved":false,"records":{"app":1}}`
		app  = `{"kind":"app","id":"a","value":"eA=="}`
		tail = `{"end":true,"records":1,"sha256":"SUM"}`
	)
	if _, _, err := restored(forged(t, key.Recipient(), head, app, tail), key); err != nil {
		t.Fatalf("the pattern of the others: %v", err)
	}
	for name, c := range map[string]struct {
		lines []string
		want  error
	}{
		"newer format":        {[]string{`{"standpipe_backup":2,"what":"ever"}`}, ErrNewer},
		"newer kind":          {[]string{head, `{"kind":"future","id":"a","value":"eA=="}`, tail}, ErrNewer},
		"not a backup":        {[]string{`{"access_token":"x"}`}, ErrDamaged},
		"not JSON":            {[]string{`hello`}, ErrDamaged},
		"nothing":             {nil, ErrDamaged},
		"format 0":            {[]string{`{"standpipe_backup":0}`, tail}, ErrDamaged},
		"unknown field":       {[]string{strings.Replace(head, `"moved"`, `"mowed"`, 1), app, tail}, ErrDamaged},
		"no end":              {[]string{head, app}, ErrDamaged},
		"a record too few":    {[]string{head, tail}, ErrDamaged},
		"a record too many":   {[]string{head, app, `{"kind":"app","id":"b","value":"eA=="}`, tail}, ErrDamaged},
		"an unlisted kind":    {[]string{head, app, `{"kind":"tokens","id":"b","value":"eA=="}`, tail}, ErrDamaged},
		"another kind":        {[]string{head, `{"kind":"tokens","id":"b","value":"eA=="}`, tail}, ErrDamaged},
		"a session":           {[]string{head, `{"kind":"session","id":"b","value":"eA=="}`, tail}, ErrDamaged},
		"the same twice":      {[]string{strings.Replace(head, `"app":1`, `"app":2`, 1), app, app, strings.Replace(tail, "1", "2", 1)}, ErrDamaged},
		"wrong count":         {[]string{head, app, `{"end":true,"records":2,"sha256":"SUM"}`}, ErrDamaged},
		"wrong hash":          {[]string{head, app, `{"end":true,"records":1,"sha256":"00"}`}, ErrDamaged},
		"after the end":       {[]string{head, app, tail, app}, ErrDamaged},
		"two on a line":       {[]string{head, app + app, tail}, ErrDamaged},
		"a line without end":  {[]string{head, app, strings.Repeat(" ", maxLine), tail}, ErrDamaged},
		"a value not encoded": {[]string{head, `{"kind":"app","id":"a","value":"%"}`, tail}, ErrDamaged},
	} {
		_, _, err := restored(forged(t, key.Recipient(), c.lines...), key)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if e := hub.AsError(err); err == nil || e.Code == hub.CodeInternal || e.Remedy == "" {
			t.Errorf("%s: told as %+v", name, e)
		}
	}
}

// TestOneMoment: what is written while a backup is being made is in it wholly
// or not at all.
func TestOneMoment(t *testing.T) {
	s, key := memstore.New(), identity(t)
	conn, toks := hub.Ref{Kind: hub.KindConnection, ID: "c"}, hub.Ref{Kind: hub.KindTokens, ID: "c"}
	put := func(n uint64) {
		err := s.Update(t.Context(), func(tx hub.Tx) error {
			_, err1 := tx.Put(conn, n, fmt.Append(nil, n))
			_, err2 := tx.Put(toks, n, fmt.Append(nil, n))
			return errors.Join(err1, err2)
		})
		if err != nil {
			t.Error(err)
		}
	}
	put(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := uint64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
				put(n)
			}
		}
	}()
	for range 100 {
		_, got, err := restored(write(t, s, key.Recipient()), key)
		if err != nil {
			t.Fatal(err)
		}
		if c := content(t, got); c[conn] != c[toks] || c[conn] == "" {
			t.Fatalf("connection %q, tokens %q", c[conn], c[toks])
		}
	}
	close(stop)
	<-done
}

// holed is a store one of whose records is damaged.
type holed struct{ *memstore.Store }

func (h holed) Snapshot(ctx context.Context, f func(hub.Snapshot) error) error {
	return h.Store.Snapshot(ctx, func(s hub.Snapshot) error { return f(holedSnapshot{s}) })
}

type holedSnapshot struct{ hub.Snapshot }

func (h holedSnapshot) List(ctx context.Context, kind hub.Kind) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for r, err := range h.Snapshot.List(ctx, kind) {
			if r.ID == "tokens-1" {
				r, err = hub.Record{}, &hub.IntegrityError{Detail: "found among the tokens records: its seal is broken"}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func TestDamagedStore(t *testing.T) {
	s, key := holed{filled(t)}, identity(t)
	var buf bytes.Buffer
	_, err := Write(t.Context(), s, mine, false, &buf, key.Recipient())
	if e := hub.AsError(err); err == nil || e.Code != hub.CodeIntegrity || !strings.Contains(e.Error(), "its seal is broken") || !strings.Contains(e.Remedy, "--skip-damaged") {
		t.Errorf("got %v", err)
	}
	if buf.Len() != 0 {
		t.Errorf("%d bytes were written all the same", buf.Len())
	}
	if _, err = Write(t.Context(), s, mine, true, &buf, key.Recipient()); err != nil {
		t.Fatal(err)
	}
	m, got, err := restored(buf.Bytes(), key)
	if err != nil || m.Damaged != 1 || m.Records[hub.KindTokens] != 1 || len(content(t, got)) != len(content(t, s.Store))-1 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestVerifySeesWhatIsMissing(t *testing.T) {
	key := identity(t)
	r, err := Open(bytes.NewReader(write(t, filled(t), key.Recipient())), key)
	if err != nil {
		t.Fatal(err)
	}
	s := memstore.New()
	check, err := Restore(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	victim := hub.Ref{Kind: hub.KindTokens, ID: "tokens-0"}
	edit := func(f func(hub.Tx) error) {
		if err := s.Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	edit(func(tx hub.Tx) error { _, err := tx.Put(victim, 1, []byte("other")); return err })
	if err := check.Verify(t.Context(), s, nil); err == nil {
		t.Error("a changed record was not seen")
	}
	if err := check.Verify(t.Context(), s, map[hub.Ref]bool{victim: true}); err != nil {
		t.Errorf("a record that was to change: %v", err)
	}
	edit(func(tx hub.Tx) error { return tx.Delete(victim) })
	if err := check.Verify(t.Context(), s, map[hub.Ref]bool{victim: true}); err == nil {
		t.Error("a missing record was not seen")
	}
}
