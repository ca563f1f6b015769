// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestLastLine finds it behind whatever a crash, a full disk or somebody's editor
// left after it.
func TestLastLine(t *testing.T) {
	numbered := func(n int) string { return fmt.Sprintf(`{"v":2,"seq":%d,"prev":null,"sealed":"AA=="}`+"\n", n) }
	many := ""
	for n := range 5000 {
		many += numbered(n + 1)
	}
	noise := string(bytes.Repeat([]byte("no line\n"), lastPart/4))
	for name, c := range map[string]struct {
		content string
		want    uint64 // 0: none
	}{
		"empty":                        {"", 0},
		"one":                          {numbered(1), 1},
		"many":                         {many, 5000},
		"half a line after it":         {many + `{"v":2,"seq":5001,"prev"`, 5000},
		"a whole one without its end":  {numbered(1) + `{"v":2,"seq":2,"prev":null,"sealed":"AA=="}`, 1},
		"much that is none after it":   {many + noise, 5000},
		"much that is none before it":  {noise + numbered(7), 7},
		"nothing but what is none":     {noise, 0},
		"a long one without an end":    {numbered(3) + string(bytes.Repeat([]byte{'x'}, 3*lastPart)), 3},
		"a number that no line has":    {numbered(3) + numbered(0), 3},
		"exactly what is read at once": {numbered(4) + string(bytes.Repeat([]byte{'\n'}, lastPart-len(numbered(4)))), 4},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), hub.AuditFile)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			h, err := lastLine(path)
			if h.Seq != c.want || (err == nil) != (c.want > 0) {
				t.Fatalf("line %d, %v; want %d", h.Seq, err, c.want)
			}
			if raw := bytes.TrimSuffix([]byte(numbered(int(c.want))), []byte("\n")); c.want > 0 && !bytes.Equal(h.Hash, hashOf(raw)) {
				t.Errorf("the hash is not that of line %d", c.want)
			}
		})
	}
}
