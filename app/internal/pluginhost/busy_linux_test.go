// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestBusyProgram: a program that is still open for writing, as a copy is in a
// child that has not become another program yet, is started as soon as it is not.
func TestBusyProgram(t *testing.T) {
	b, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, b, 0o700); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(program, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(400*time.Millisecond, func() { _ = writer.Close() })
	cmd, err := startProcess(func() *exec.Cmd { return exec.Command(program) }, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
