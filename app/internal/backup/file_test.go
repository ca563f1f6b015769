// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func TestRewrap(t *testing.T) {
	transport, mineKey := identity(t), identity(t)
	s := filled(t)
	b := write(t, s, transport.Recipient())
	var out bytes.Buffer
	m, err := Rewrap(&out, bytes.NewReader(b), transport, mineKey.Recipient())
	if err != nil || m.ID != mine.ID {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, _, err := restored(out.Bytes(), transport); !errors.Is(err, ErrWrongKey) {
		t.Errorf("the transport's key opens it: %v", err)
	}
	if _, _, err := restored(out.Bytes(), mineKey); err != nil {
		t.Error(err)
	}
	for n := range b {
		out.Reset()
		if _, err := Rewrap(&out, bytes.NewReader(b[:n]), transport, mineKey.Recipient()); err == nil {
			t.Fatalf("a stream that broke off at %d of %d was taken for whole", n, len(b))
		}
		if _, _, err := restored(out.Bytes(), mineKey); err == nil {
			t.Fatalf("what was passed on of a stream that broke off at %d opens", n)
		}
	}
	full := errors.New("no space left on device")
	if _, err := Rewrap(failing{full}, bytes.NewReader(b), transport, mineKey.Recipient()); !errors.Is(err, full) {
		t.Errorf("a full disk is told as %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "b")
	say := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	want := func(content string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("%q, %v; want %q", got, err, content)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("left in the folder: %v, %v", entries, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if err := WriteFile(path, false, say("one")); err != nil {
		t.Fatal(err)
	}
	want("one")
	called := false
	err := WriteFile(path, false, func(io.Writer) error { called = true; return nil })
	if e := hub.AsError(err); err == nil || e.Code != hub.CodeConflict || !strings.Contains(e.Remedy, "--force") || called {
		t.Errorf("over an existing file: %v", err)
	}
	want("one")
	failed := errors.New("failed")
	if err := WriteFile(path, true, func(w io.Writer) error { _ = say("half")(w); return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	want("one")
	if err := WriteFile(path, true, say("two")); err != nil {
		t.Fatal(err)
	}
	want("two")
	// Somebody takes the name while the file is being written.
	other := filepath.Join(dir, "other")
	err = WriteFile(other, false, func(io.Writer) error { return os.WriteFile(other, []byte("theirs"), 0o600) })
	if hub.AsError(err).Code != hub.CodeConflict {
		t.Errorf("a name that was taken meanwhile: %v", err)
	}
	if got, _ := os.ReadFile(other); string(got) != "theirs" {
		t.Errorf("it was overwritten: %q", got)
	}
	if err := WriteFile(filepath.Join(dir, "none", "b"), false, say("x")); hub.AsError(err).Code != hub.CodeStorage {
		t.Errorf("into no folder: %v", err)
	}
}

func TestKeysTellNoSecret(t *testing.T) {
	const secretKey = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	for _, err := range []error{
		func() error { _, err := Recipients([]string{secretKey}); return err }(),
		func() error { _, err := Identities(strings.NewReader(secretKey + "broken")); return err }(),
		func() error { _, err := Recipients([]string{"age1nonsense"}); return err }(),
	} {
		if e := hub.AsError(err); err == nil || e.Code != hub.CodeInvalid || strings.Contains(e.Error(), "GFPYYSJZ") || e.Remedy == "" {
			t.Errorf("told as %v", err)
		}
	}
}
