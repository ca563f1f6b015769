// SPDX-License-Identifier: Apache-2.0

package near

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	known := []string{"", "slack", "google", "gitlab", "github"}
	for written, want := range map[string][]string{
		"githb":   {"github", "gitlab"},
		"GitLab":  {"gitlab", "github"},
		"goggle":  {"google"},
		"dropbox": {},
		"":        {},
	} {
		if got := Names(written, known); !slices.Equal(got, want) {
			t.Errorf("near %q are %q, not %q", written, got, want)
		}
	}
}
