// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestTampering does to a closed log what somebody with write access to the
// folder can do, and expects verify to name the line.
func TestTampering(t *testing.T) {
	forge := func(t *testing.T, seq uint64) []byte {
		e := entry(99)
		b, err := json.Marshal(struct {
			Version int    `json:"v"`
			Seq     uint64 `json:"seq"`
			hub.AuditEntry
		}{unsealed, seq, e})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// Line 1 begins the session; lines 2 to 11 are entries.
	for _, c := range []struct {
		name string
		do   func(t *testing.T, lines [][]byte) [][]byte
		seq  uint64
		says string
	}{
		{"edit a sealed byte", func(_ *testing.T, l [][]byte) [][]byte {
			i := bytes.Index(l[4], []byte(`"sealed":"`)) + 20
			if l[4][i] != 'A' { // another letter of base64
				l[4][i] = 'A'
			} else {
				l[4][i] = 'B'
			}
			return l
		}, 5, "altered"},
		{"edit the number", func(_ *testing.T, l [][]byte) [][]byte {
			l[10] = bytes.Replace(l[10], []byte(`"seq":11`), []byte(`"seq":12`), 1)
			return l
		}, 12, "altered"},
		{"edit the white space", func(_ *testing.T, l [][]byte) [][]byte {
			l[10] = bytes.Replace(l[10], []byte(`"seq":11`), []byte(`"seq": 11`), 1)
			return l
		}, 11, "altered"},
		{"add a field", func(_ *testing.T, l [][]byte) [][]byte {
			l[10] = bytes.Replace(l[10], []byte(`{`), []byte(`{"x":1,`), 1)
			return l
		}, 11, "altered"},
		{"delete one", func(_ *testing.T, l [][]byte) [][]byte { return slices.Delete(l, 5, 6) }, 6, "missing before"},
		{"delete some", func(_ *testing.T, l [][]byte) [][]byte { return slices.Delete(l, 5, 8) }, 6, "lines 6 to 8 are missing"},
		{"swap two", func(_ *testing.T, l [][]byte) [][]byte { l[5], l[6] = l[6], l[5]; return l }, 6, "moved"},
		{"repeat one", func(_ *testing.T, l [][]byte) [][]byte { return slices.Insert(l, 8, l[5]) }, 6, "moved"},
		{"cut the end", func(_ *testing.T, l [][]byte) [][]byte { return l[:9] }, 10, "lines 10 to 11 are missing at the end"},
		{"cut all", func(_ *testing.T, l [][]byte) [][]byte { return nil }, 1, "line"},
		{"cut the beginning", func(_ *testing.T, l [][]byte) [][]byte { return l[1:] }, 2, "altered"},
		{"put in a line of the earlier format", func(t *testing.T, l [][]byte) [][]byte { return append(l, forge(t, 12)) }, 12, "put in"},
		{"put in rubbish", func(_ *testing.T, l [][]byte) [][]byte { return append(l, []byte("rubbish")) }, 0, "no line of the audit"},
		{"a later version", func(_ *testing.T, l [][]byte) [][]byte { return append(l, []byte(`{"v":3,"seq":12}`)) }, 0, "newer version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			l := p.mustOpen(t)
			for i := range 10 {
				record(t, l, entry(i))
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			var out []byte
			for _, line := range c.do(t, p.written(t)) {
				out = append(append(out, line...), '\n')
			}
			if err := os.WriteFile(filepath.Join(p.dir, hub.AuditFile), out, 0o600); err != nil {
				t.Fatal(err)
			}
			// Also after the hub has gone on.
			for range 2 {
				l = p.mustOpen(t)
				r, err := l.Verify(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !slices.ContainsFunc(r.Problems, func(p hub.AuditProblem) bool {
					return p.Seq == c.seq && strings.Contains(p.Message, strings.TrimSuffix(c.says, " at the end"))
				}) {
					t.Errorf("verify says %+v, want line %d %s", r.Problems, c.seq, c.says)
				}
				record(t, l, entry(20))
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestFilesTakenAway: a file that rotation would have kept is missed.
func TestFilesTakenAway(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 1, keep: 9} // two lines in each
	l := p.mustOpen(t)
	for i := range 6 {
		record(t, l, entry(i))
	}
	verify(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{hub.AuditFile + ".5", hub.AuditFile + ".2"} {
		if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := p.mustOpen(t).Verify(t.Context())
	if err != nil || len(r.Problems) != 2 || r.Problems[0].Seq != 7 || r.Problems[1].Seq != 1 {
		t.Errorf("%+v, %v", r.Problems, err)
	}
}

// TestAnotherHistory: a log that was written elsewhere does not pass for this
// one, though it is whole in itself.
func TestAnotherHistory(t *testing.T) {
	p, other := newPlace(t), newPlace(t)
	for _, at := range []*place{p, other} {
		l := at.mustOpen(t)
		record(t, l, entry(1))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(other.dir, hub.AuditFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, hub.AuditFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	l := p.mustOpen(t)
	if r, err := l.Verify(t.Context()); err != nil || len(r.Problems) == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if page, err := l.Page(t.Context(), hub.AuditFilter{}, 0, 10); err != nil || len(page.Records) != 0 || page.Damaged != 2 {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestTruncatedWhileOpen: the end that is missing is missed at once.
func TestTruncatedWhileOpen(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	for i := range 3 {
		record(t, l, entry(i))
	}
	lines := p.written(t)
	if err := os.Truncate(filepath.Join(p.dir, hub.AuditFile), int64(len(lines[0])+1+len(lines[1])+1)); err != nil {
		t.Fatal(err)
	}
	r, err := l.Verify(t.Context())
	if err != nil || len(r.Problems) != 1 || r.Problems[0].Seq != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEarlierFormatIsRead(t *testing.T) {
	p := newPlace(t)
	var old []byte
	for i := range 3 {
		b, err := json.Marshal(struct {
			Version int    `json:"v"`
			Seq     uint64 `json:"seq"`
			hub.AuditEntry
		}{unsealed, uint64(i + 1), entry(i)})
		if err != nil {
			t.Fatal(err)
		}
		old = append(append(old, b...), '\n')
	}
	if err := os.WriteFile(filepath.Join(p.dir, hub.AuditFile), old, 0o600); err != nil {
		t.Fatal(err)
	}
	l := p.mustOpen(t)
	record(t, l, entry(3))
	got := readAll(t, l)
	if len(got) != 4 || got[0] != entry(0) || got[3] != entry(3) {
		t.Errorf("got %+v", got)
	}
	if r := verify(t, l); r.Unsealed != 3 || r.Entries != 4 || r.First != 1 || r.Last != 5 {
		t.Errorf("%+v", r)
	}
}

func TestPages(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 3000, keep: 99}
	l := p.mustOpen(t)
	for i := range 50 {
		e := entry(i)
		if i%5 == 0 {
			e.App, e.Decision = "app_2", hub.AuditDenied
		}
		record(t, l, e)
	}
	walk := func(f hub.AuditFilter, limit int) (out []string) {
		before := uint64(0)
		for {
			page, err := l.Page(t.Context(), f, before, limit)
			if err != nil || len(page.Records) > limit {
				t.Fatalf("%+v, %v", page, err)
			}
			for _, r := range page.Records {
				out = append(out, r.Connection)
			}
			if before = page.Next; before == 0 {
				return out
			}
		}
	}
	all := walk(hub.AuditFilter{}, 7)
	if len(all) != 50 || all[0] != "49" || all[49] != "0" {
		t.Errorf("all: %v", all)
	}
	if got := walk(hub.AuditFilter{App: "app_2"}, 3); !slices.Equal(got, []string{"45", "40", "35", "30", "25", "20", "15", "10", "5", "0"}) {
		t.Errorf("app: %v", got)
	}
	if got := walk(hub.AuditFilter{Decision: hub.AuditDenied, Since: time.Unix(10, 0), Until: time.Unix(20, 0)}, 100); !slices.Equal(got, []string{"15", "10"}) {
		t.Errorf("time: %v", got)
	}
	if got := walk(hub.AuditFilter{Connection: "7", Action: hub.AuditVend}, 1); !slices.Equal(got, []string{"7"}) {
		t.Errorf("connection: %v", got)
	}
	if got := walk(hub.AuditFilter{Action: hub.AuditAppAdd}, 1); len(got) != 0 {
		t.Errorf("action: %v", got)
	}
}

// locked is a store whose keys are away.
type locked struct{ hub.Store }

var errLocked = hub.Errorf(hub.CodeLocked, "locked")

func (locked) Get(context.Context, hub.Ref) (hub.Record, error) { return hub.Record{}, errLocked }
func (locked) Update(context.Context, func(hub.Tx) error) error { return errLocked }

// TestLocked: entries are written without the vault, and read only with it.
func TestLocked(t *testing.T) {
	p := newPlace(t)
	p.bounds = bounds{size: 1, keep: 99} // so that sessions begin, too
	l := p.mustOpen(t)
	open := l.cfg.Store
	record(t, l, entry(0))
	l.cfg.Store = locked{open} // nothing else runs that reads it
	for i := range 5 {
		record(t, l, entry(i+1))
	}
	if _, err := l.Page(t.Context(), hub.AuditFilter{}, 0, 10); hub.AsError(err).Code != hub.CodeLocked {
		t.Errorf("page: %v", err)
	}
	if _, err := l.Verify(t.Context()); hub.AsError(err).Code != hub.CodeLocked {
		t.Errorf("verify: %v", err)
	}
	for _, err := range l.Read(t.Context(), hub.AuditFilter{}) {
		if hub.AsError(err).Code != hub.CodeLocked {
			t.Errorf("read: %v", err)
		}
	}
	l.cfg.Store = open
	if got := readAll(t, l); len(got) != 6 {
		t.Errorf("%d entries", len(got))
	}
	verify(t, l)
}

// TestNothingInTheClear: the file alone says how much happened, not what.
func TestNothingInTheClear(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	e := entry(1)
	e.Peer = hub.Peer{UID: 1000, PID: 42, Exe: "/usr/bin/editor"}
	e.Scope, e.Subject, e.Rule = "repo read:user", "github", "grant_1"
	record(t, l, e)
	b := bytes.Join(p.written(t), nil)
	for _, word := range []string{"app_1", "token.vend", "allowed", "repo", "editor", "github", "grant_1", "1970"} {
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("the file says %q", word)
		}
	}
	if got := readAll(t, l); len(got) != 1 || got[0] != e {
		t.Errorf("got %+v", got)
	}
}

// TestKeysOfThePastAreGone: what is in the memory of a writer opens nothing
// that it wrote.
func TestKeysOfThePastAreGone(t *testing.T) {
	p := newPlace(t)
	l := p.mustOpen(t)
	record(t, l, entry(1))
	record(t, l, entry(2))
	if err := l.Close(); err != nil { // chain belongs to the writer
		t.Fatal(err)
	}
	for i, raw := range p.written(t) {
		var ln line
		if err := json.Unmarshal(raw, &ln); err != nil {
			t.Fatal(err)
		}
		r := l.chain.ratchet
		for range 10 {
			if _, err := aead(r.key()).Open(nil, nonce[:], ln.Sealed, ln.context(nil)); err == nil {
				t.Errorf("line %d can be read", i+1)
			}
		}
	}
}

func TestPeerComesFromTheContext(t *testing.T) {
	l := newPlace(t).mustOpen(t)
	who := hub.Peer{UID: 1000, PID: 42, Exe: "/usr/bin/editor"}
	if err := l.Record(hub.WithPeer(t.Context(), who), entry(1)); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, l); got[0].Peer != who {
		t.Errorf("got %+v", got[0])
	}
}

// TestTornWrite: where a failed write cannot be taken back, what is there is
// looked at before anything is added.
func TestTornWrite(t *testing.T) {
	p := newPlace(t)
	var fail bool
	p.open = func(path string) (file, os.FileInfo, error) {
		f, info, err := openFile(path)
		return &torn{f.(*os.File), &fail}, info, err
	}
	l := p.mustOpen(t)
	record(t, l, entry(1))
	fail = true
	if err := l.Record(t.Context(), entry(2)); hub.AsError(err).Code != hub.CodeAudit {
		t.Fatalf("got %v", err)
	}
	fail = false
	record(t, l, entry(3))
	verify(t, l)
	if got := readAll(t, l); len(got) < 2 || got[0] != entry(1) || got[len(got)-1] != entry(3) {
		t.Errorf("got %+v", got)
	}
}

// torn writes all but the last bytes, and cannot be cut.
type torn struct {
	*os.File
	fail *bool
}

func (f *torn) Write(b []byte) (int, error) {
	if !*f.fail {
		return f.File.Write(b)
	}
	n, _ := f.File.Write(b[:len(b)-7])
	return n, errors.New("no space left on device")
}

func (f *torn) Truncate(size int64) error {
	if *f.fail {
		return errors.New("input/output error")
	}
	return f.File.Truncate(size)
}
