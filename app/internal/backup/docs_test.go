// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"os"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestDocumentation: docs/backup.md names the kinds of a backup's records, in
// their order.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/backup.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for k := range hub.Kinds() {
		if k.Keeping == hub.Kept {
			names = append(names, "`"+string(k.Kind)+"`")
		}
	}
	last := len(names) - 1
	if want := "Kinds are, in this order, " + strings.Join(names[:last], ", ") + " and " + names[last] + "."; !strings.Contains(string(page), want) {
		t.Errorf("it does not say: %s", want)
	}
}
