// SPDX-License-Identifier: Apache-2.0

package conformance_test

import (
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/conformance"
)

// passes runs the suite on an executable: no case may fail, and so many must have
// been run.
func passes(t *testing.T, cfg conformance.Config, exe string, least int) {
	t.Helper()
	passed := 0
	for _, c := range conformance.Executable(cfg, exe) {
		switch r := c.Run(t.Context()); r.Verdict {
		case conformance.Fail:
			t.Errorf("%s: %s", c.Name, strings.Join(r.Problems, "; "))
		case conformance.Pass:
			passed++
		}
	}
	if passed < least {
		t.Errorf("only %d cases passed", passed)
	}
}
