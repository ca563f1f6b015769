// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// apps are what the data folders of these tests hold.
var apps = []string{"canary-one", "canary-two", "canary-three"}

func homeWithApps(t *testing.T) *rig.Home {
	t.Helper()
	h := rig.NewHome(t)
	for _, name := range apps {
		h.AddApp(name, "--all")
	}
	return h
}

// wantVault checks that everything is there, and that doctor has no complaint.
func wantVault(t *testing.T, h *rig.Home) {
	t.Helper()
	list := h.CLI("apps", "list")
	for _, name := range apps {
		if !strings.Contains(list, name) {
			t.Errorf("%s is gone: %s", name, list)
		}
	}
	var d struct {
		Findings []struct{ Check, Status, Detail string }
	}
	report := h.CLI("doctor", "--json")
	rig.Decode(h, report, &d)
	checked := map[string]bool{}
	for _, f := range d.Findings {
		checked[f.Check] = true
		if f.Status == "error" || f.Status == "warning" && f.Check == "process.hardening" {
			t.Errorf("doctor: %+v", f)
		}
	}
	for _, name := range []string{"folder.modes", "vault.key", "vault.anchor", "store.records", "process.memory"} {
		if !checked[name] {
			t.Errorf("doctor did not look at %s", name)
		}
	}
	if strings.Contains(report, "canary") {
		t.Errorf("doctor tells names: %s", report)
	}
}

// unpack makes a data folder of format 1, with its key where the tests have it.
func unpackFormat1(t *testing.T, h *rig.Home) {
	t.Helper()
	archive := filepath.Join(rig.Root(), "app/internal/store/badgerstore/testdata/format1.tar.gz")
	for _, old := range []string{h.Data, filepath.Join(h.Dir, "master.key")} {
		if err := os.RemoveAll(old); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	cmd := h.Command("tar", "-xzf", h.Write("format1.tar.gz", string(b)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestVaultPowerCut kills each of the vault's long works at each of its steps:
// everything is there at once, and the work can be done again.
func TestVaultPowerCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		points []string
	}{
		{"rotate", []string{"keys", "rotate"}, []string{"rotate.begun:kill", "rotate.batch:kill", "rotate.batch:kill:2", "rotate.batch:kill:3", "rotate.sealed:kill", "rotate.ended:kill"}},
		{"compact", []string{"doctor", "--compact"}, []string{"compact.copied:kill", "compact.moved:kill"}},
		{"source", []string{"keys", "change-source", "file:other.key"}, []string{"source.created:kill", "source.anchored:kill", "source.committed:kill"}},
	} {
		for _, point := range c.points {
			t.Run(c.name+"/"+point, func(t *testing.T) {
				h := homeWithApps(t)
				cut(t, h, point, c.args...)
				wantVault(t, h)
				if again := h.Try(c.args...); again.Exit != 0 && point != "source.committed:kill" {
					t.Errorf("done again: %s", again.Stderr)
				}
				wantVault(t, h)
				var keys struct{ Rotating bool }
				h.JSON(&keys, "keys", "status")
				if keys.Rotating {
					t.Error("the rotation is not ended")
				}
			})
		}
	}
	for _, point := range []string{"migrate.batch:kill", "migrate.copied:kill", "migrate.committed:kill"} {
		t.Run("migrate/"+point, func(t *testing.T) {
			h := rig.NewHome(t)
			unpackFormat1(t, h)
			key := "file:" + filepath.Join(h.Dir, "key")
			cut(t, h, point, "keys", "status", "--key", key)
			for range 2 {
				var keys struct{ Format int }
				h.JSON(&keys, "keys", "status", "--key", key)
				if keys.Format != 2 {
					t.Errorf("format %d", keys.Format)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(h.Data, "store*")); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
			r := h.Try("doctor", "--key", key)
			if !strings.Contains(r.Stdout, "records open") || strings.Contains(r.Stdout, "ERROR    store") {
				t.Errorf("doctor: %s", r.Stdout)
			}
		})
	}
}

// cut runs a command that dies at a point.
func cut(t *testing.T, h *rig.Home, point string, args ...string) {
	t.Helper()
	h.Program, h.Env = h.Product.Faults, append(h.Env, "STANDPIPE_FAULT="+point)
	r := h.Try(args...)
	h.Program, h.Env = h.Product.Standpipe, h.Env[:len(h.Env)-1]
	if r.Exit != -1 { // by a signal
		t.Fatalf("it did not die at %s: exit %d\n%s%s", point, r.Exit, r.Stdout, r.Stderr)
	}
}

// TestVaultWhileServing: keys rotate, the source changes and the store is
// compacted while the hub serves; then it starts from what is there.
func TestVaultWhileServing(t *testing.T) {
	t.Parallel()
	h := homeWithApps(t)
	hub := h.Serve()
	h.CLI("keys", "rotate")
	h.CLI("doctor", "--compact")
	h.CLI("keys", "change-source", "passphrase-file:"+h.Write("phrase", "correct horse\n"))
	h.AddApp("canary-four", "--all")
	wantVault(t, h)
	hub.Stop()
	if err := os.Remove(filepath.Join(h.Dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	wantVault(t, h)
	if !strings.Contains(h.CLI("apps", "list"), "canary-four") {
		t.Error("what was written meanwhile is gone")
	}
}

// TestYesterdaysFolder: what was revoked since yesterday stays revoked, unless
// the user says so.
func TestYesterdaysFolder(t *testing.T) {
	t.Parallel()
	h := homeWithApps(t)
	yesterday := filepath.Join(h.Dir, "yesterday")
	if out, err := h.Command("cp", "-rp", h.Data, yesterday).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var list []struct{ ID string }
	var out struct{ Apps []struct{ ID string } }
	text := h.CLI("apps", "list", "--json")
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		rig.Decode(h, text, &list)
	} else {
		rig.Decode(h, text, &out)
		list = out.Apps
	}
	h.CLI("apps", "revoke", list[0].ID)
	if err := os.RemoveAll(h.Data); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(yesterday, h.Data); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"apps", "list"}, {"keys", "rotate"}, {"doctor"}} {
		r := h.Try(args...)
		if r.Exit == 0 || !strings.Contains(r.Stdout+r.Stderr, "not the latest") || !strings.Contains(r.Stdout+r.Stderr, "--accept-rollback") {
			t.Errorf("%v: exit %d\n%s%s", args, r.Exit, r.Stdout, r.Stderr)
		}
	}
	hub := h.Serve("--accept-rollback")
	if got := h.CLI("apps", "list"); !strings.Contains(got, list[0].ID) {
		t.Errorf("accepted: %s", got)
	}
	hub.Stop()
	wantVault(t, h)
}

// TestNoNamesInTheFiles: what is sealed does not stand in any file of the data
// folder in the clear, not even as a name.
func TestNoNamesInTheFiles(t *testing.T) {
	t.Parallel()
	h := homeWithApps(t)
	for path, content := range h.Files() {
		if strings.Contains(string(content), "canary") {
			t.Errorf("%s holds a name", path)
		}
	}
}
