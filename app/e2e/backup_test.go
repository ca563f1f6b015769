// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// A key pair of these tests, and of nothing else.
const (
	ageRecipient = "age18cde97r6w7zzt4a7a64z7jhkwzpx9qkg0y5ddp5h84wnhn8rxfpsn98znp"
	ageIdentity  = "AGE-SECRET-KEY-17ZYCUS368LV9XPAPF374W4A02652NDVLMR5CSA0UAGVHJS2U0GTQFHD4AJ\n"
)

// secondHome is another machine with the same configuration, and a file from
// the first one.
func secondHome(t *testing.T, first *rig.Home, file string) (*rig.Home, string) {
	t.Helper()
	h := rig.NewHome(t)
	for _, name := range []string{"standpipe.hcl", "oidc.secret"} {
		b, err := os.ReadFile(filepath.Join(first.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(name, string(b))
	}
	h.Write("identity.txt", ageIdentity)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return h, h.Write(filepath.Base(file), string(b))
}

// wantInactive wants an app to be told why there is no token.
func wantInactive(t *testing.T, hub *rig.Hub, key, reason string) {
	t.Helper()
	a := hub.Post(key, vendOpenID, map[string]any{})
	if a.Field("active") != "false" || a.Field("error") != "needs_reauthorization" || a.Field("reason") != reason || !strings.Contains(a.Field("remedy"), "connections resume") {
		t.Errorf("want inactive, %s: %d %s", reason, a.Status, a.Body)
	}
}

// drawn is token for a hub that has just started: its plugins may need a moment.
func drawn(t *testing.T, hub *rig.Hub, key string) string {
	t.Helper()
	return tokenOf(t, answered(t, hub, key))
}

// TestMoveToAnotherMachine moves the accounts of a hub that renews them all the
// time. The provider rotates refresh tokens and ends a grant when one is used
// twice, which must not happen.
func TestMoveToAnotherMachine(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "ACCESS_TTL=5")
	c := connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	key := h.AddApp("mover", "--grant", "openid")

	// Backups while tokens are renewed under them.
	stop := make(chan struct{})
	var callers sync.WaitGroup
	callers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = hub.Send(http.MethodPost, key, vendOpenID, map[string]any{"min_ttl": 3})
				time.Sleep(100 * time.Millisecond)
			}
		}
	})
	before := op.Count("refresh")
	n := 0
	rig.Eventually(t, "tokens are renewed during backups", func() bool {
		n++
		h.CLI("backup", fmt.Sprintf("b%d.age", n), "--recipient", ageRecipient)
		return op.Count("refresh")-before >= 2
	})
	move := filepath.Join(h.Dir, "move.age")
	h.CLI("backup", "move.age", "--recipient", ageRecipient, "--move")
	moved := op.Count("refresh")
	close(stop)
	callers.Wait()
	wantInactive(t, hub, key, "moved_away")
	info, err := os.Stat(move)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info, err)
	}

	// On the other machine, with a key of its own.
	h2, file := secondHome(t, h, move)
	out := h2.CLI("restore", file, "--identity", "identity.txt")
	if !strings.Contains(out, "Restored 1 connection,") {
		t.Errorf("it says %q", out)
	}
	hub2 := h2.Serve()
	suspend(t, hub2.PID(), 6*time.Second) // the token that was moved has expired by now
	used(t, hub2, op, key, answered(t, hub2, key))
	suspend(t, hub2.PID(), 6*time.Second)
	drawn(t, hub2, key) // and it can be renewed further

	// The old hub renews nothing, and does not revoke what is in use elsewhere.
	wantInactive(t, hub, key, "moved_away")
	if r := h.CLI("disconnect", c.ID); !strings.Contains(r, "not revoked") {
		t.Errorf("the old hub disconnected: %q", r)
	}
	used(t, hub2, op, key, answered(t, hub2, key)) // which the disconnect there did not end
	if n := op.Count("grant.revoked"); n != 0 {
		t.Errorf("the grant was revoked %d times: two hubs used one refresh token", n)
	}
	if op.Count("refresh") == moved {
		t.Error("the other machine never renewed anything; the test shows nothing")
	}
}

// TestRestoreElsewhereWaits: a backup that was not a move leaves the tokens to
// the hub that has them, until the user says otherwise.
func TestRestoreElsewhereWaits(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "ACCESS_TTL=5")
	connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	key := h.AddApp("twin", "--grant", "openid")
	h.Write("phrase", "correct horse battery staple")
	h.CLI("backup", "plain.age", "--passphrase-file", "phrase")

	h2, file := secondHome(t, h, filepath.Join(h.Dir, "plain.age"))
	wrong := h2.Write("phrase", "wrong")
	if r := h2.Try("restore", file, "--passphrase-file", wrong); r.Exit != 4 || !strings.Contains(r.Stderr, "does not open") {
		t.Errorf("a wrong passphrase: %+v", r)
	}
	h2.Write("phrase", "correct horse battery staple")
	r := h2.Try("restore", file, "--passphrase-file", "phrase")
	if r.Exit != 0 || !strings.Contains(r.Stderr, "out of use for now: 1.") {
		t.Fatalf("restored: %+v", r)
	}
	hub2 := h2.Serve()
	wantInactive(t, hub2, key, "restored")
	suspend(t, hub.PID(), 6*time.Second)
	drawn(t, hub, key) // the first hub goes on
	wantInactive(t, hub2, key, "restored")

	// Where one hub took over by mistake, the provider ends the grant, and both
	// say so; that is what the waiting is for. Here the first one is stopped
	// before the backup, which therefore has what it renewed last.
	hub.Stop()
	h.CLI("backup", "last.age", "--recipient", ageRecipient)
	hub2.Stop()
	h3, file := secondHome(t, h, filepath.Join(h.Dir, "last.age"))
	h3.CLI("restore", file, "--identity", "identity.txt")
	hub3 := h3.Serve()
	wantInactive(t, hub3, key, "restored")
	if out := h3.CLI("connections", "resume", "--all"); !strings.Contains(out, "openid") {
		t.Errorf("resumed: %q", out)
	}
	suspend(t, hub3.PID(), 6*time.Second)
	used(t, hub3, op, key, answered(t, hub3, key))
	if n := op.Count("grant.revoked"); n != 0 {
		t.Errorf("the grant was revoked %d times", n)
	}
}

// TestExportAndImport hands an account from one hub to another by its tokens
// alone, as one would from another program.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	h, hub, op := oidcHub(t, "ACCESS_TTL=5")
	c := connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
	key := h.AddApp("leaver", "--grant", "openid")
	drawn(t, hub, key)
	r := h.Try("connections", "export", c.ID, "--out", "tokens.json", "--insecure-plaintext", "--move")
	if r.Exit != 0 || !strings.Contains(r.Stderr, "IN THE CLEAR") {
		t.Fatalf("exported: %+v", r)
	}
	wantInactive(t, hub, key, "moved_away")
	h2, file := secondHome(t, h, filepath.Join(h.Dir, "tokens.json"))
	raw, err := os.ReadFile(file)
	var exported struct { // of which the hub may just have renewed what was drawn
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &exported)
	}
	if err != nil || exported.AccessToken == "" || exported.RefreshToken == "" {
		t.Fatalf("the export lacks the tokens: %v", err)
	}
	hub2 := h2.Serve()
	var line struct {
		Verified   string
		Connection struct {
			State   string
			Account struct{ Label string }
		}
	}
	h2.JSON(&line, "connections", "import", file)
	if line.Verified == "" || line.Connection.State != "connected" || !strings.Contains(line.Connection.Account.Label, "alice") {
		t.Errorf("imported: %+v", line)
	}
	key2 := h2.AddApp("newcomer", "--grant", "openid")
	suspend(t, hub2.PID(), 6*time.Second)
	used(t, hub2, op, key2, answered(t, hub2, key2))
	if r := h2.Try("connections", "import", file, "--json"); r.Exit != 1 {
		t.Errorf("the same account again: %+v", r)
	}
	for path, b := range h2.Files() {
		if bytes.Contains(b, []byte(exported.AccessToken)) || bytes.Contains(b, []byte(exported.RefreshToken)) {
			t.Errorf("a token is in %s", path)
		}
	}
	if n := op.Count("grant.revoked"); n != 0 {
		t.Errorf("the grant was revoked %d times", n)
	}

	// The server's way: by the routes of the contract.
	server := h2.AddApp("server", "--server")
	a := hub2.Post(server, "/user_management/users/user_1/connected_accounts/openid", map[string]any{"access_token": "nonsense"})
	if a.Status != 422 || a.Field("code") != "unprocessable_entity" {
		t.Errorf("a token that the provider refuses: %d %s", a.Status, a.Body)
	}
	live := drawn(t, hub2, key2)
	a = hub2.Post(server, "/user_management/users/user_1/connected_accounts/openid", map[string]any{"access_token": live})
	if a.Status != 201 || a.Field("state") != "connected" || a.Field("user_id") != "user_1" {
		t.Errorf("imported by the contract: %d %s", a.Status, a.Body)
	}
}

// TestRestorePowerCut kills a restore at each of its steps, as a power cut does.
// What is there afterwards is the old store or the new one, whole.
func TestRestorePowerCut(t *testing.T) {
	t.Parallel()
	source := rig.NewHome(t)
	source.AddApp("new", "--all")
	source.CLI("backup", "new.age", "--recipient", ageRecipient)
	new, err := os.ReadFile(filepath.Join(source.Dir, "new.age"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ point, want string }{
		{"", "new"}, // no kill: the pattern of the others
		{"restore.keyed:kill", "old"},
		{"restore.staged:kill", "old"},
		{"restore.writing:kill", "old"},
		{"restore.written:kill", "old"},
		{"restore.built:kill", "old"},
		{"restore.before-commit:kill", "old"},
		{"restore.after-commit:kill", "new"},
		{"restore.moving-old:kill:1", "new"},
		{"restore.moving-old:kill:2", "new"},
		{"restore.old-moved:kill", "new"},
		{"restore.moving-in:kill:1", "new"},
		{"restore.moving-in:kill:2", "new"},
		{"restore.moved-in:kill", "new"},
	} {
		t.Run(c.point, func(t *testing.T) {
			h := rig.NewHome(t)
			h.Write("identity.txt", ageIdentity)
			h.Write("new.age", string(new))
			h.AddApp("old", "--all")

			h.Program, h.Env = h.Product.Faults, append(h.Env, "STANDPIPE_FAULT="+c.point)
			r := h.Try("restore", "new.age", "--identity", "identity.txt", "--replace")
			if killed := r.Exit == -1; killed != (c.point != "") {
				t.Fatalf("killed %v: %+v", killed, r)
			}
			h.Program, h.Env = h.Product.Standpipe, h.Env[:len(h.Env)-1]
			for range 2 { // the first start mends, the second has nothing to mend
				if got := h.CLI("apps", "list"); strings.Contains(got, "old") != (c.want == "old") || strings.Contains(got, "new") != (c.want == "new") {
					t.Errorf("want the %s store:\n%s", c.want, got)
				}
			}
			entries, err := os.ReadDir(h.Data)
			if err != nil {
				t.Fatal(err)
			}
			replaced := 0
			for _, e := range entries {
				for _, prefix := range []string{"incoming", "restored-", "arriving-"} {
					if strings.HasPrefix(e.Name(), prefix) {
						t.Errorf("%s was left", e.Name())
					}
				}
				if strings.HasPrefix(e.Name(), "replaced-") {
					replaced++
				}
			}
			if (replaced == 1) != (c.want == "new") {
				t.Errorf("%d replaced stores are kept", replaced)
			}
			// The backup is another store's: its audit has another key.
			if got := auditOf(h); c.want == "new" && !slices.Equal(got, []string{"store.restore"}) {
				t.Errorf("the audit: %v", got)
			}
			// It goes on from here: a restore works again.
			h.CLI("restore", "new.age", "--identity", "identity.txt", "--replace")
			if got := h.CLI("apps", "list"); !strings.Contains(got, "new") {
				t.Errorf("a second restore:\n%s", got)
			}
		})
	}
}

// TestMovePowerCut kills the command that writes a move, before and after its
// file has its name. The accounts are never in use in two places: without a
// file they can be taken back, with one they stay out of use here.
func TestMovePowerCut(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"backup.written", "backup.placed"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h, hub, _ := oidcHub(t)
			connect(t, h, h.Chromium(), []string{"openid"}, asAlice)
			key := h.AddApp("mover", "--grant", "openid")
			h.Program, h.Env = h.Product.Faults, append(h.Env, "STANDPIPE_FAULT="+point+":kill")
			if r := h.Try("backup", "move.age", "--recipient", ageRecipient, "--move"); r.Exit != -1 {
				t.Fatalf("not killed: %+v", r)
			}
			h.Program, h.Env = h.Product.Standpipe, h.Env[:len(h.Env)-1]
			wantInactive(t, hub, key, "moved_away")
			_, err := os.Stat(filepath.Join(h.Dir, "move.age"))
			if there := err == nil; there != (point == "backup.placed") {
				t.Errorf("the file: %v", err)
			}
			h.CLI("connections", "resume", "--all")
			drawn(t, hub, key)
		})
	}
}
