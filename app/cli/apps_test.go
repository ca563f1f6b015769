// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// TestOutstandingOfABackend: what the backend of a product holds for all its
// users does not fill the terminal.
func TestOutstandingOfABackend(t *testing.T) {
	e, out, errs := testEnv("")
	if err := e.outstanding(contract.Revoked{Outstanding: make([]contract.Outstanding, 1000)}); err != nil {
		t.Fatal(err)
	}
	all := out.String() + errs.String()
	if n := strings.Count(all, "\n"); n != 23 || !strings.Contains(all, "and 980 more") {
		t.Errorf("%d lines:\n%s", n, all)
	}
}
