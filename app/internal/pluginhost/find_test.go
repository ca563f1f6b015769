// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// put writes a file and returns its hash.
func put(t *testing.T, path, content string, mode os.FileMode) digest {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return sha256.Sum256([]byte(content))
}

// addPin appends a line to a pin file.
func addPin(t *testing.T, file string, d digest, name string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s  %s\n", d, name); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	bundled, data := filepath.Join(t.TempDir(), "plugins"), filepath.Join(t.TempDir(), "plugins")
	one := put(t, filepath.Join(bundled, Prefix+"one"), "one", 0o755)
	addPin(t, filepath.Join(bundled, SumFile), one, Prefix+"one")
	put(t, filepath.Join(bundled, Prefix+"unpinned"), "x", 0o755)
	put(t, filepath.Join(bundled, Prefix+"Bad_Name"), "x", 0o755)
	put(t, filepath.Join(bundled, "README"), "x", 0o644)
	if err := os.Symlink("/bin/sh", filepath.Join(bundled, Prefix+"link")); err != nil {
		t.Fatal(err)
	}
	addPin(t, filepath.Join(bundled, SumFile), one, Prefix+"link")
	// In the data folder the lock file is beside the folder.
	two := put(t, filepath.Join(data, Prefix+"two"), "two", 0o755)
	put(t, filepath.Join(data, Prefix+"one"), "another one", 0o755)
	executable := func(d digest) lock.Plugin {
		return lock.Plugin{Platforms: map[string]lock.Artefact{lock.Platform(): {Executable: d.String()}}}
	}
	file := lock.File{Plugins: map[string]lock.Plugin{"two": executable(two), "one": executable(two)}}
	if err := file.Write(filepath.Join(filepath.Dir(data), LockFile)); err != nil {
		t.Fatal(err)
	}

	all, err := find([]string{bundled, data, filepath.Join(data, "absent")})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range all {
		got[strings.TrimPrefix(f.path, filepath.Dir(filepath.Dir(f.path)))] = f.unfit
	}
	for path, want := range map[string]string{
		"/plugins/" + Prefix + "unpinned": "has no line for it",
		"/plugins/" + Prefix + "Bad_Name": "its name is not made of",
		"/plugins/" + Prefix + "link":     "not a regular file",
		"/plugins/" + Prefix + "two":      "",
	} {
		refusal, ok := got[path]
		if !ok || (refusal == "") != (want == "") || !strings.Contains(refusal, want) {
			t.Errorf("%s: refusal %q, want %q", path, refusal, want)
		}
	}
	if len(all) != 6 {
		t.Fatalf("found %d, want 6: %+v", len(all), all)
	}
	var ones []found
	for _, f := range all {
		if f.name == "one" {
			ones = append(ones, f)
		}
	}
	if len(ones) != 2 || ones[0].unfit != "" || ones[0].pin != one || !strings.Contains(ones[1].unfit, ones[0].path) {
		t.Errorf("of two plugins of one name, the first must count: %+v", ones)
	}
}

func TestFindRefusesFoldersOfOthers(t *testing.T) {
	t.Parallel()
	open := filepath.Join(t.TempDir(), "open")
	put(t, filepath.Join(open, Prefix+"one"), "one", 0o755)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, "relative/plugins"} {
		if all, err := find([]string{dir}); err == nil || len(all) > 0 {
			t.Errorf("find(%s) = %v, %v, want an error", dir, all, err)
		}
	}
	// A pin file that others may write pins nothing.
	dir := t.TempDir()
	one := put(t, filepath.Join(dir, Prefix+"one"), "one", 0o755)
	addPin(t, filepath.Join(dir, SumFile), one, Prefix+"one")
	if err := os.Chmod(filepath.Join(dir, SumFile), 0o666); err != nil {
		t.Fatal(err)
	}
	all, err := find([]string{dir})
	if err != nil || len(all) != 1 || !strings.Contains(all[0].unfit, "may be written by others") {
		t.Errorf("find = %+v, %v", all, err)
	}
}

func TestParsePins(t *testing.T) {
	t.Parallel()
	d := digest(sha256.Sum256([]byte("x")))
	pins, err := parsePins(strings.NewReader("# plugins\n\n" + d.String() + "  a\n" + d.String() + " *b\n"))
	if err != nil || len(pins) != 2 || pins["a"].hash != d || pins["b"].hash != d {
		t.Errorf("parsePins = %v, %v", pins, err)
	}
	for _, bad := range []string{
		"abcd  a", d.String(), d.String() + "  ", d.String() + "  a\n" + d.String() + "  a", d.String()[:63] + "g  a", "<<<<<<< HEAD",
	} {
		if pins, err := parsePins(strings.NewReader(bad)); err == nil {
			t.Errorf("parsePins(%q) = %v, want an error", bad, pins)
		}
	}
}

func TestPrivateCopy(t *testing.T) {
	t.Parallel()
	dir, src := t.TempDir(), filepath.Join(t.TempDir(), "plugin")
	want := put(t, src, "good", 0o755)
	path, err := privateCopy(dir, src, want)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o500 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	// A copy that was tampered with is replaced.
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("evil"), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err = privateCopy(dir, src, want); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "good" {
		t.Errorf("the copy holds %q", b)
	}
	// A source that was changed is not copied, a good copy still serves.
	put(t, src, "evil", 0o755)
	if _, err := privateCopy(dir, src, want); err != nil {
		t.Errorf("the good copy is not used: %v", err)
	}
	os.Remove(path)
	var changed *hashError
	if _, err := privateCopy(dir, src, want); !errors.As(err, &changed) {
		t.Errorf("a changed source gives %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestPrivateCopyRace swaps the source back and forth while copies are made.
func TestPrivateCopyRace(t *testing.T) {
	t.Parallel()
	srcDir := t.TempDir()
	good, evil := strings.Repeat("good", 5000), strings.Repeat("evil", 5000)
	want := put(t, filepath.Join(srcDir, "good"), good, 0o755)
	put(t, filepath.Join(srcDir, "evil"), evil, 0o755)
	src := filepath.Join(srcDir, "plugin")
	put(t, src, good, 0o755)
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			name := []string{"good", "evil"}[i%2]
			tmp := filepath.Join(srcDir, "tmp")
			b, _ := os.ReadFile(filepath.Join(srcDir, name))
			_ = os.WriteFile(tmp, b, 0o755)
			_ = os.Rename(tmp, src)
			// And in place, while it may be being read.
			_ = os.WriteFile(src, b, 0o755)
		}
	})
	made := 0
	for range 300 {
		dir := t.TempDir()
		path, err := privateCopy(dir, src, want)
		if err != nil {
			continue
		}
		made++
		if b, _ := os.ReadFile(path); string(b) != good {
			t.Fatal("other bytes than those pinned would run")
		}
	}
	close(stop)
	swapper.Wait()
	t.Logf("%d of 300 copies were made", made)
}
