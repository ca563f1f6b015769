// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestHostileConfiguration: every file of corpus/hcl is refused with the place of
// what is wrong, in little time and memory, and shows no secret.
func TestHostileConfiguration(t *testing.T) {
	t.Parallel()
	h := rig.NewHome(t)
	if err := syscall.Mkfifo(filepath.Join(h.Dir, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/shadow", filepath.Join(h.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	h.Write("huge", strings.Repeat("hcl-canary-secret", 1<<20))
	cases, err := fs.Glob(corpus, "corpus/hcl/*.txt")
	if err != nil || len(cases) < 50 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	place := regexp.MustCompile(`standpipe\.hcl:\d+:\d+`)
	shadow, _ := os.ReadFile("/etc/shadow") // as root; what must not show
	check := func(name string, content []byte) (exit int, text string) {
		t.Helper()
		h.Configure(string(content))
		cmd := h.Command(h.Program, "config", "check")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// A hang is killed, and then it is no refusal.
		hung := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		if !hung.Stop() {
			t.Errorf("%s: it takes longer than 30 s", name)
		}
		if kib := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss; kib > 400<<10 {
			t.Errorf("%s: it takes %d MiB", name, kib>>10)
		}
		text = out.String()
		if strings.Contains(text, "hcl-canary") || strings.Contains(text, "root:") && len(shadow) > 0 || strings.Contains(text, "goroutine") || strings.ContainsAny(text, "\x1b\x00\u202e") || len(text) > 64<<10 {
			t.Errorf("%s: it shows a secret, a crash or control characters, or says far too much (%d bytes):\n%.600s", name, len(text), text)
		}
		return cmd.ProcessState.ExitCode(), text
	}
	for _, path := range cases {
		content, err := corpus.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if exit, text := check(name, content); exit != 78 || !place.MatchString(text) {
			t.Errorf("%s: exit %d\n%.600s", name, exit, text)
		}
	}
	// What is too large to be in the tree.
	for name, content := range map[string]string{
		"10 MB": strings.Repeat("# nothing\n", 1<<20), "1 MB of a line": "mode = \"" + strings.Repeat("x", 1000<<10) + "\"\n",
		"1 MB of brackets": "mode = " + strings.Repeat("[", 1000<<10), "1 MB of blocks": strings.Repeat("a {\n", 250<<10),
	} {
		if exit, text := check(name, []byte(content)); exit != 78 {
			t.Errorf("%s: exit %d\n%.600s", name, exit, text)
		}
	}
	// A byte order mark is no reason to refuse.
	if exit, text := check("byte order mark", []byte("\ufeffmode = \"desktop\"\n")); exit != 0 {
		t.Errorf("a byte order mark: exit %d\n%s", exit, text)
	}
}
