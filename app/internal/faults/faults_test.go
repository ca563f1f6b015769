// SPDX-License-Identifier: Apache-2.0

//go:build unix

package faults_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const env = "STANDPIPE_FAULT"

func build(t *testing.T, tags string) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "probe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-o", path, "./testdata/probe").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, content
}

func run(t *testing.T, path, fault string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = []string{env + "=" + fault}
	out, err := cmd.Output()
	return string(out), err
}

func TestReleaseBuildHasNoHook(t *testing.T) {
	path, content := build(t, "")
	if bytes.Contains(content, []byte(env)) {
		t.Errorf("an ordinary build knows %s", env)
	}
	if out, err := run(t, path, "probe.step:kill"); err != nil || out != "step 1\nstep 2\nstep 3\n" {
		t.Errorf("an ordinary build did not run through: %q, %v", out, err)
	}
}

// TestReleasesAreBuiltWithoutHooks: of the tags of the releases, those of the hub
// and of the window, none selects a file with a hook.
func TestReleasesAreBuiltWithoutHooks(t *testing.T) {
	for tags, want := range map[string]string{
		"":                                     "[doc.go off.go]",
		"desktop,production,webkit2_41":        "[doc.go off.go]",
		"faults":                               "[clock.go doc.go on.go]",
		"faults,desktop,production,webkit2_41": "[clock.go doc.go on.go]",
	} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-tags", tags, "-f", "{{.GoFiles}}", ".").CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("-tags %q builds %s (%v), want %s", tags, got, err, want)
		}
	}
}

func TestFaultBuildDiesAtThePoint(t *testing.T) {
	path, content := build(t, "faults")
	if !bytes.Contains(content, []byte(env)) {
		t.Fatal("the search of the other test would find nothing")
	}
	for _, c := range []struct {
		fault, out string
		killed     bool
	}{
		{"probe.step:kill", "", true},
		{"probe.step:kill:3", "step 1\nstep 2\n", true},
		{"probe.step:kill:4", "step 1\nstep 2\nstep 3\n", false},
		{"other:kill", "step 1\nstep 2\nstep 3\n", false},
	} {
		out, err := run(t, path, c.fault)
		killed := false
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			killed = exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
		}
		if out != c.out || killed != c.killed {
			t.Errorf("%s: %q, killed %v (%v); want %q, %v", c.fault, out, killed, err, c.out, c.killed)
		}
	}
	if !bytes.Contains(content, []byte("STANDPIPE_FAULT_CLOCK")) {
		t.Error("the build has no clock")
	}
	if _, err := run(t, path, "probe.step:kil"); err == nil {
		t.Error("a misspelt fault was taken for none")
	}
}
