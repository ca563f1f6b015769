// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
	"github.com/standpipe/standpipe/app/internal/seal"
	"github.com/standpipe/standpipe/app/internal/store/badgerstore"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// machine is a data folder whose key is in a file beside it.
type machine struct {
	t    *testing.T
	dir  string
	data string
	key  string // as in --key
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp") // a short path, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state"))
	return &machine{t, dir, filepath.Join(dir, "data"), "file:" + filepath.Join(dir, "key")}
}

// born makes the keys, and a store with these connections in it.
func (m *machine) born(connections ...string) {
	m.t.Helper()
	source, err := seal.ParseSource(m.key)
	if err != nil {
		m.t.Fatal(err)
	}
	v, err := seal.Init(m.data, source)
	if err != nil {
		m.t.Fatal(err)
	}
	if connections == nil {
		return
	}
	s, err := badgerstore.Open(v.StoreDir(), v, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	addConnections(m.t, s, connections...)
	if err := errors.Join(s.Close(), v.Close()); err != nil {
		m.t.Fatal(err)
	}
}

// addConnections stores connections; one whose name begins with "lasting" has no
// refresh token.
func addConnections(t *testing.T, s hub.Store, names ...string) {
	t.Helper()
	err := hub.NewConnections(s).Update(t.Context(), func(tx *hub.ConnectionsTx) error {
		for _, n := range names {
			c := &hub.Connection{ID: n, Owner: hub.Me, Integration: "acme", State: hub.StateConnected}
			if strings.HasPrefix(n, "moved") {
				c.State, c.Reason, c.Backup = hub.StateNeedsReauthorization, hub.ReasonMoved, theBackup
			}
			if err := tx.PutConnection(c); err != nil {
				return err
			}
			set := hub.TokenSet{AccessToken: secret.New("access of " + n), RefreshToken: secret.New("refresh of " + n)}
			set.Name, set.Named = "bot", map[string]hub.NamedToken{"user": {AccessToken: secret.New("user's of " + n), RefreshToken: secret.New("user's refresh of " + n)}}
			if strings.HasPrefix(n, "lasting") {
				set.RefreshToken, set.Named = secret.Value{}, nil
			}
			if _, err := tx.PutTokenSet(n, set); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// states are the connections of a machine with their states, as a start would
// find them.
func (m *machine) states() map[string]string {
	m.t.Helper()
	if err := seal.Resume(m.data); err != nil {
		m.t.Fatal(err)
	}
	v, err := seal.Open(m.data, seal.Source{})
	if err != nil {
		m.t.Fatalf("the keys do not open: %v", err)
	}
	defer v.Close()
	s, err := badgerstore.Open(v.StoreDir(), v, nil)
	if err != nil {
		m.t.Fatalf("the store does not open: %v", err)
	}
	defer s.Close()
	out := map[string]string{}
	conns := hub.NewConnections(s)
	for c, err := range conns.All(m.t.Context()) {
		if err != nil {
			m.t.Fatal(err)
		}
		toks, err := conns.Tokens(m.t.Context(), c.ID)
		if err != nil || toks.Current.AccessToken.Reveal() != "access of "+c.ID {
			m.t.Errorf("the tokens of %s: %v", c.ID, err)
		}
		if user, named := toks.Current.Named["user"]; named && (toks.Current.Name != "bot" || user.RefreshToken.Reveal() != "user's refresh of "+c.ID) || named == strings.HasPrefix(c.ID, "lasting") {
			m.t.Errorf("the further token of %s: %+v", c.ID, toks.Current.Named)
		}
		out[c.ID] = strings.TrimSuffix(string(c.State)+" "+string(c.Reason), " ")
	}
	return out
}

// folders are the names in the data folder that a restore can leave.
func (m *machine) folders() []string {
	m.t.Helper()
	entries, err := os.ReadDir(m.data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		m.t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), "-")
		if slices.Contains([]string{"incoming", "restored", "arriving", "replaced"}, name) {
			out = append(out, name)
		}
	}
	return out
}

const theBackup = "backup_1"

// backupOf is a backup of a store with these connections.
func backupOf(t *testing.T, to age.Recipient, storeID string, moved bool, connections ...string) []byte {
	t.Helper()
	s := memstore.New()
	addConnections(t, s, connections...)
	var buf bytes.Buffer
	m := backup.Manifest{ID: theBackup, CreatedAt: time.Now(), Program: "test", StoreID: storeID, Moved: moved}
	if _, err := backup.Write(t.Context(), s, m, false, &buf, to); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestRestoreMatrix: what is there × what is asked × what the backup is.
func TestRestoreMatrix(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	restored := map[string]string{"rotating": "connected", "lasting": "connected"}
	waiting := map[string]string{"rotating": "needs_reauthorization restored", "lasting": "connected"}
	before := map[string]string{"mine": "connected"}
	for _, c := range []struct {
		name     string
		there    string // "", "keys", "empty", "store", "lost"
		what     RestoreOptions
		same     bool // the backup is of the store that is there
		moved    bool
		spoil    func([]byte) []byte
		by       age.Identity
		code     hub.Code // of the refusal
		want     map[string]string
		replaced bool
	}{
		{name: "into nothing", want: waiting},
		{name: "into keys without a store", there: "keys", want: waiting, replaced: true},
		{name: "into an empty store", there: "empty", want: waiting, replaced: true},
		{name: "over a store, not asked for", there: "store", code: hub.CodeConflict, want: before},
		{name: "over a store", there: "store", what: RestoreOptions{Replace: true}, want: waiting, replaced: true},
		{name: "over its own store", there: "store", what: RestoreOptions{Replace: true}, same: true, want: restored, replaced: true},
		{name: "the only one", what: RestoreOptions{OnlyHere: true}, want: restored},
		{name: "moved here", moved: true, want: map[string]string{"moved": "connected", "lasting": "connected"}},
		{name: "the key is lost", there: "lost", what: RestoreOptions{KeyLost: true}, want: restored, replaced: true},
		{name: "the key is lost, not asked for", there: "lost", code: hub.CodeConflict},
		{name: "the key is not lost", there: "store", what: RestoreOptions{KeyLost: true}, code: hub.CodeConflict, want: before},

		{name: "another identity", there: "store", what: RestoreOptions{Replace: true}, by: other, code: hub.CodeForbidden, want: before},
		{name: "cut in the middle", there: "store", what: RestoreOptions{Replace: true}, spoil: cut(2), code: hub.CodeIntegrity, want: before},
		{name: "its last byte is missing", there: "store", what: RestoreOptions{Replace: true}, spoil: func(b []byte) []byte { return b[:len(b)-1] }, code: hub.CodeIntegrity, want: before},
		{name: "a flipped byte", there: "store", what: RestoreOptions{Replace: true}, spoil: flip, code: hub.CodeIntegrity, want: before},
		{name: "not a backup", there: "store", what: RestoreOptions{Replace: true}, spoil: func([]byte) []byte { return []byte("hello") }, code: hub.CodeIntegrity, want: before},
		{name: "a newer format", there: "store", what: RestoreOptions{Replace: true}, spoil: newer(key.Recipient()), code: hub.CodeConflict, want: before},
		{name: "cut, into nothing", spoil: cut(2), code: hub.CodeIntegrity},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			switch c.there {
			case "keys":
				m.born()
			case "empty":
				m.born([]string{}...)
			case "store", "lost":
				m.born("mine")
			}
			id := strings.Repeat("0", 32)
			if c.same {
				o, err := seal.Occupied(m.data)
				if err != nil {
					t.Fatal(err)
				}
				id = o.StoreID
			}
			if c.there == "lost" {
				if err := os.Remove(filepath.Join(m.dir, "key")); err != nil {
					t.Fatal(err)
				}
			}
			first := "rotating"
			if c.moved {
				first = "moved"
			}
			b := backupOf(t, key.Recipient(), id, c.moved, first, "lasting")
			if c.spoil != nil {
				b = c.spoil(b)
			}
			opts := Options{Data: m.data}
			if c.there == "" {
				opts.Key = m.key
			}
			c.what.File, c.what.Identities = bytes.NewReader(b), []age.Identity{key}
			if c.by != nil {
				c.what.Identities = []age.Identity{c.by}
			}
			done, err := Restore(t.Context(), opts, c.what)
			if c.code != "" {
				if hub.AsError(err).Code != c.code || hub.AsError(err).Remedy == "" {
					t.Errorf("refused with %v, want %s", err, c.code)
				}
			} else if err != nil {
				t.Fatal(err)
			} else if (done.Replaced != "") != c.replaced {
				t.Errorf("replaced %q", done.Replaced)
			}
			wantFolders := []string(nil)
			if c.code == "" && c.replaced {
				wantFolders = []string{"replaced"}
			}
			if got := m.folders(); !slices.Equal(got, wantFolders) {
				t.Errorf("left in the folder: %v, want %v", got, wantFolders)
			}
			if c.want == nil { // there is nothing to open, and nothing was made
				if _, err := os.Lstat(filepath.Join(m.data, "vault.json")); c.there == "" && !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a vault was left: %v", err)
				}
				if _, err := os.Lstat(filepath.Join(m.dir, "key")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("a key file was left: %v", err)
				}
				return
			}
			if got := m.states(); !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)/n] } }

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-100] ^= 1
	return b
}

func newer(to age.Recipient) func([]byte) []byte {
	return func([]byte) []byte {
		var buf bytes.Buffer
		w, err := age.Encrypt(&buf, to)
		if err == nil {
			_, err = io.WriteString(w, fmt.Sprintf("{\"standpipe_backup\":%d}\n", backup.Format+1))
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			panic(err)
		}
		return buf.Bytes()
	}
}

func TestRestoreUnderARunningHub(t *testing.T) {
	m := newMachine(t)
	m.born("mine")
	paths, err := instance.Resolve("", m.data)
	if err != nil {
		t.Fatal(err)
	}
	lock, err := instance.Acquire(paths)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	_, err = Restore(t.Context(), Options{Data: m.data}, RestoreOptions{Replace: true})
	if e := hub.AsError(err); e == nil || e.Code != hub.CodeConflict || !errors.Is(err, instance.ErrRunning) || !strings.Contains(e.Remedy, "Stop") {
		t.Errorf("got %v", err)
	}
}

// TestRestoreInterrupted: the end of the context, as of Ctrl-C, leaves the old
// store.
func TestRestoreInterrupted(t *testing.T) {
	m := newMachine(t)
	m.born("mine")
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	b := backupOf(t, key.Recipient(), "", false, "rotating")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Restore(ctx, Options{Data: m.data}, RestoreOptions{Replace: true, File: bytes.NewReader(b), Identities: []age.Identity{key}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := m.states(); !maps.Equal(got, map[string]string{"mine": "connected"}) || len(m.folders()) != 0 {
		t.Errorf("%v, left %v", got, m.folders())
	}
}

// TestRestoreAndTheAudit: the audit stays where the backup has its key, and goes
// on; one that is sealed for another key goes aside with the store of that key.
func TestRestoreAndTheAudit(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	// saved is a backup of a machine.
	saved := func(m *machine) []byte {
		a := m.open()
		defer a.Close()
		var buf bytes.Buffer
		if _, err := backup.Write(t.Context(), a.store, backup.Manifest{ID: theBackup, CreatedAt: time.Now(), Program: "test", StoreID: a.vault.StoreID()}, false, &buf, key.Recipient()); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	for _, c := range []struct {
		name       string
		from       func(m *machine) []byte
		want, kept []hub.AuditAction
	}{
		{"its own", saved, []hub.AuditAction{hub.AuditAppAdd, hub.AuditRestore}, nil},
		{"another's", func(*machine) []byte { return saved(lived(t)) }, []hub.AuditAction{hub.AuditRestore}, []hub.AuditAction{hub.AuditAppAdd}},
		{"without the key of an audit", func(*machine) []byte { return backupOf(t, key.Recipient(), "", false, "one") }, []hub.AuditAction{hub.AuditRestore}, []hub.AuditAction{hub.AuditAppAdd}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := lived(t)
			what := RestoreOptions{Replace: true, File: bytes.NewReader(c.from(m)), Identities: []age.Identity{key}}
			done, err := Restore(t.Context(), m.options(), what)
			if err != nil {
				t.Fatal(err)
			}
			m.wantAudit(m.data, c.want...)
			if c.kept == nil {
				if got := m.auditFiles(done.Replaced); len(got) > 0 {
					t.Errorf("aside lie %v", got)
				}
				return
			}
			m.wantAudit(done.Replaced, c.kept...)
		})
	}
}
