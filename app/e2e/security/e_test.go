// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// What is on disk.
var sectionE = []requirement{
	{"E1", "every value is authenticated: an altered one is an error, never an answer", e1},
	{"E2", "a value that was moved or copied to another record is refused", e2},
	{"E3", "plaintext and foreign records are refused", e3},
	{"E4", "an older copy of the folder that is put back is noticed", e4},
	{"E5", "a store that is missing or empty beside its key is an error, not a new one", e5},
	{"E6", "the keychain holds one small key, however many connections there are", e6},
	{"E7", "without a keychain and without a choice of key nothing is made", e7},
	{"E8", "folders are 0700, files 0600, whatever the umask", e8},
	{"E9", "a backup is sealed; a damaged one is refused and changes nothing", e9},
}

// pair is a record as it is on disk.
type pair struct{ key, value []byte }

// tamper opens the stopped hub's database with nothing but Badger, as somebody
// with the disk can, and lets change write to it.
func tamper(t *testing.T, dir string, change func(txn *badger.Txn, all []pair) error) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	var all []pair
	err = db.Update(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.DefaultIteratorOptions)
		for it.Rewind(); it.Valid(); it.Next() {
			v, err := it.Item().ValueCopy(nil)
			if err != nil {
				return err
			}
			all = append(all, pair{it.Item().KeyCopy(nil), v})
		}
		it.Close()
		if len(all) < 5 {
			t.Errorf("only %d records", len(all))
		}
		return change(txn, all)
	})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // what root's Badger made belongs to the user again
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				err = os.Lchown(path, 65534, 65534)
			}
			if err == nil && path != dir {
				err = os.Chmod(path, 0o600)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// noToken starts the hub again and expects that it refuses to serve, or serves
// no token.
func noToken(t *testing.T, w *world, what string) {
	t.Helper()
	p := w.home.Start("serve", "--json", "--listen", w.addr(), "--ui-listen", "127.0.0.1:0")
	hub := &rig.Hub{Process: p, Home: w.home, AppAPI: w.AppAPI}
	rig.Eventually(t, "the hub starts or refuses", func() bool {
		select {
		case <-p.Done():
			return true
		default:
		}
		_, err := hub.Send("GET", w.rich, "/health", nil)
		return err == nil
	})
	a, err := hub.Send("POST", w.rich, vendPath, map[string]any{})
	p.Kill()
	if err != nil {
		if !strings.Contains(p.Log(), `"message"`) && !strings.Contains(p.Log(), "standpipe:") {
			t.Errorf("%s: it ended without a word: %s", what, p.Log())
		}
		return
	}
	if a.Field("active") == "true" || a.Status == 200 && a.Field("error") == "" {
		t.Errorf("%s: %d %s", what, a.Status, a.Body)
	}
}

func e1(t *testing.T) {
	for _, at := range []string{"first", "middle", "last"} {
		w := newWorld(t, setup{})
		w.vend(t)
		w.Stop()
		tamper(t, w.home.Data+"/store", func(txn *badger.Txn, all []pair) error {
			for _, r := range all {
				i := map[string]int{"first": 0, "middle": len(r.value) / 2, "last": len(r.value) - 1}[at]
				r.value[i] ^= 1
				if err := txn.Set(r.key, r.value); err != nil {
					return err
				}
			}
			return nil
		})
		noToken(t, w, "the "+at+" byte of every value altered")
	}
}

func e2(t *testing.T) {
	w := newWorld(t, setup{})
	w.vend(t)
	w.Stop()
	tamper(t, w.home.Data+"/store", func(txn *badger.Txn, all []pair) error {
		for i, r := range all { // each value moves to the next record
			if err := txn.Set(r.key, all[(i+1)%len(all)].value); err != nil {
				return err
			}
		}
		return nil
	})
	noToken(t, w, "all values moved")
}

func e3(t *testing.T) {
	for _, forged := range [][]byte{[]byte(`{"v":1,"current":{"access_token":"forged"}}`), {}, bytes.Repeat([]byte{1}, 64)} {
		w := newWorld(t, setup{})
		w.vend(t)
		w.Stop()
		tamper(t, w.home.Data+"/store", func(txn *badger.Txn, all []pair) error {
			for _, r := range all {
				if err := txn.Set(r.key, forged); err != nil {
					return err
				}
			}
			return nil
		})
		noToken(t, w, "plaintext records")
	}
	// The records of another store, under another key.
	a, b := newWorld(t, setup{}), newWorld(t, setup{})
	a.vend(t)
	a.Stop()
	b.Stop()
	if err := os.RemoveAll(a.home.Data + "/store"); err != nil {
		t.Fatal(err)
	}
	copyTree(t, b.home.Data+"/store", a.home.Data+"/store")
	noToken(t, a, "another store")
}

// copyTree copies a folder with its owners and modes.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func e4(t *testing.T) {
	w := newWorld(t, setup{})
	w.vend(t)
	w.Stop()
	copyTree(t, w.home.Data, w.home.Data+"-yesterday")
	w.Hub = w.home.Serve("--listen", w.addr())
	var apps struct{ Apps []struct{ ID, Name string } }
	w.home.JSON(&apps, "apps", "list")
	for _, a := range apps.Apps {
		w.home.CLI("apps", "revoke", a.ID)
	}
	w.Stop()
	if err := os.RemoveAll(w.home.Data); err != nil {
		t.Fatal(err)
	}
	copyTree(t, w.home.Data+"-yesterday", w.home.Data)
	r := w.home.Try("serve", "--listen", w.addr(), "--ui-listen", "127.0.0.1:0")
	if r.Exit == 0 || !strings.Contains(r.Stderr, "accept-rollback") {
		t.Errorf("yesterday's folder: %d %s", r.Exit, r.Stderr)
	}
}

func e5(t *testing.T) {
	for name, damage := range map[string]func(data string) error{
		"removed": func(d string) error { return os.RemoveAll(d + "/store") },
		"emptied": func(d string) error {
			files, err := filepath.Glob(d + "/store/*")
			for _, f := range files {
				if e := os.Remove(f); e != nil {
					err = e
				}
			}
			return err
		},
		"without its header": func(d string) error { return os.Remove(d + "/vault.json") },
	} {
		w := newWorld(t, setup{alone: true})
		w.Stop()
		if err := damage(w.home.Data); err != nil {
			t.Fatal(err)
		}
		r := w.home.Try("serve", "--listen", w.addr(), "--ui-listen", "127.0.0.1:0")
		if r.Exit == 0 || !strings.Contains(r.Stderr, "missing") {
			t.Errorf("%s: %d %s", name, r.Exit, r.Stderr)
		}
		if name == "removed" && exists(w.home.Data+"/store/MANIFEST") {
			t.Error("a new store was made")
		}
	}
}

func e6(t *testing.T) {
	if _, err := exec.LookPath("gnome-keyring-daemon"); err != nil {
		skip(t, "E6", "gnome-keyring is not installed (make test installs it)")
	}
	h := rig.NewHome(t)
	// One D-Bus session with a keyring of its own, in which a store is made and
	// its key is measured.
	script := `set -e
eval "$(printf 'x\n' | gnome-keyring-daemon --unlock --components=secrets 2>/dev/null)" >/dev/null 2>&1 || true
"$0" keys init --key keychain >&2
size() { gdbus call --session --dest org.freedesktop.secrets --object-path /org/freedesktop/secrets --method org.freedesktop.Secret.Service.SearchItems "{'service':'standpipe'}" | tr , '\n' | grep -c collection; }
before=$(size)
for i in 1 2 3 4 5; do "$0" apps add "app $i" --grant github --key keychain >/dev/null; done
echo "$before $(size)"`
	cmd := h.Command("dbus-run-session", "--", "bash", "-c", script, h.Program)
	cmd.Env = append(cmd.Env, "STANDPIPE_DATA="+h.Dir+"/keyed")
	out, err := cmd.Output()
	if err != nil {
		skip(t, "E6", "a keyring could not be started here; app/internal/seal tests the keychain on one of its own")
	}
	var before, after string
	if f := strings.Fields(string(out)); len(f) == 2 {
		before, after = f[0], f[1]
	}
	if before == "" || before == "0" || before != after {
		t.Errorf("items in the keychain before and after: %q %q", before, after)
	}
	header, err := os.ReadFile(h.Dir + "/keyed/vault.json")
	if err != nil || !bytes.Contains(header, []byte(`"kind": "keychain"`)) {
		t.Errorf("the header: %v", err)
	}
}

func e7(t *testing.T) {
	h := rig.NewHome(t)
	h.Env = append(h.Env, "STANDPIPE_DATA="+h.Dir+"/fresh")
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"status"}, {"keys", "init"}} {
		r := h.Try(args...)
		if r.Exit != 78 || !strings.Contains(r.Stderr, "--key") {
			t.Errorf("%v: %d %s", args, r.Exit, r.Stderr)
		}
	}
	if exists(h.Dir+"/fresh/store") || exists(h.Dir+"/fresh/vault.json") {
		t.Error("something was made without a key")
	}
}

func e8(t *testing.T) {
	old := syscall.Umask(0) // children inherit it
	w := newWorld(t, setup{})
	syscall.Umask(old)
	w.vend(t)
	check := func() {
		for _, root := range []string{w.home.Data, filepath.Dir(w.Socket)} {
			err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
				var info fs.FileInfo
				if err == nil {
					info, err = d.Info()
				}
				if path != root && errors.Is(err, fs.ErrNotExist) {
					return nil // gone meanwhile
				}
				if err != nil {
					return err
				}
				if info.Mode().Perm()&0o077 != 0 && info.Mode()&fs.ModeSymlink == 0 {
					t.Errorf("%s has mode %v", path, info.Mode())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	check()
	w.Stop()
	check()
}

func e9(t *testing.T) {
	w := newWorld(t, setup{})
	token := w.vend(t)
	pass := w.home.Write("backup.passphrase", "a long passphrase of a backup\n")
	file := filepath.Join(w.home.Dir, "hub.backup")
	if r := w.home.Try("backup", "--passphrase-file", pass, file); r.Exit != 0 {
		t.Fatalf("backup: %d %s", r.Exit, r.Stderr)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{token, clientSecret, "alice", w.conn, "openid"} {
		if bytes.Contains(b, []byte(canary)) {
			t.Errorf("the backup shows %q", canary)
		}
	}
	w.Stop()
	for name, damaged := range map[string][]byte{"a bit": flip(b), "its end": b[:len(b)-10], "its half": b[:len(b)/2]} {
		before := w.home.Files()
		w.home.Write("damaged.backup", string(damaged))
		if r := w.home.Try("restore", "--passphrase-file", pass, "--yes", filepath.Join(w.home.Dir, "damaged.backup")); r.Exit == 0 {
			t.Errorf("a backup without %s was restored", name)
		}
		if after := w.home.Files(); len(after) < len(before) || !bytes.Equal(after[w.home.Data+"/vault.json"], before[w.home.Data+"/vault.json"]) {
			t.Errorf("a backup without %s changed the data folder", name)
		}
	}
	w.Hub = w.home.Serve("--listen", w.addr())
	w.vend(t)
}

func flip(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}
