// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEnded: a failing test tells of a process that ended by itself, and not of
// one that it ended.
func TestEnded(t *testing.T) {
	lives := start(t, "sleep", exec.Command("sleep", "60"))
	if s := lives.ended(); s != "" {
		t.Errorf("of one that lives: %q", s)
	}
	lives.Kill()
	if s := lives.ended(); s != "" {
		t.Errorf("of one that was killed: %q", s)
	}
	dies := start(t, "sh", exec.Command("sh", "-c", "exit 7"))
	t.Run("in a subtest", func(t *testing.T) {
		p := dies.In(t)
		<-p.Done()
		if s := p.ended(); !strings.Contains(s, "exit status 7") {
			t.Errorf("of one that ended: %q", s)
		}
	})
}
