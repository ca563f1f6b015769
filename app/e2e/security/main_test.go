// SPDX-License-Identifier: Apache-2.0

package security

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

func TestMain(m *testing.M) {
	code := m.Run()
	report()
	rig.Clean()
	os.Exit(code)
}

// requirement is a line of the table.
type requirement struct {
	id, text string
	check    func(t *testing.T)
}

// result is what became of it.
type result struct {
	verdict string // pass, FAIL, or skipped
	reason  string // why it was skipped
	took    time.Duration
}

var (
	sections = [][]requirement{sectionA, sectionB, sectionC, sectionD, sectionE, sectionF, sectionG, sectionH, sectionI}

	resultsMu sync.Mutex
	results   = map[string]result{}
	reasons   = map[string]string{}
)

// TestRequirements runs the table. A section's lines share what they can.
func TestRequirements(t *testing.T) {
	sharedT = t
	shared(t) // so that no line is charged for it
	for _, lines := range sections {
		for _, r := range lines {
			t.Run(r.id, func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				defer func() {
					got := result{verdict: "pass", took: time.Since(begin)}
					switch {
					case t.Failed():
						got.verdict = "FAIL"
					case t.Skipped():
						got.verdict = "skipped"
					}
					resultsMu.Lock()
					defer resultsMu.Unlock()
					got.reason = reasons[r.id]
					results[r.id] = got
				}()
				r.check(t)
			})
		}
	}
}

// note adds to a line what it could not look at here.
func note(id, text string) {
	resultsMu.Lock()
	defer resultsMu.Unlock()
	reasons[id] = text
}

// skip leaves a line out, with a reason that the table shows.
func skip(t *testing.T, id, reason string) {
	t.Helper()
	note(id, reason)
	t.Skip(reason)
}

// needRoot skips what only root can set up: another user, no network.
func needRoot(t *testing.T, id string) {
	t.Helper()
	if os.Geteuid() != 0 {
		skip(t, id, "only root can act as another user")
	}
}

// TestTableIsWhole: no line was lost, and none is there twice.
func TestTableIsWhole(t *testing.T) {
	want := map[string]int{"A": 19, "B": 16, "C": 14, "D": 5, "E": 9, "F": 8, "G": 12, "H": 7, "I": 3}
	seen := map[string]bool{}
	for _, lines := range sections {
		for _, r := range lines {
			if seen[r.id] || r.text == "" || r.check == nil {
				t.Errorf("line %s is there twice, or says nothing", r.id)
			}
			seen[r.id] = true
		}
	}
	for section, n := range want {
		for i := range n {
			if id := fmt.Sprintf("%s%d", section, i+1); !seen[id] {
				t.Errorf("line %s is missing", id)
			}
		}
	}
}

// report prints the table, and writes it to the file that the environment names.
func report() {
	if len(results) == 0 {
		return // -run chose something else
	}
	var b strings.Builder
	count := map[string]int{}
	for _, lines := range sections {
		for _, r := range lines {
			got, ok := results[r.id]
			if !ok {
				continue
			}
			count[got.verdict]++
			fmt.Fprintf(&b, "%-4s %-7s %6.1fs  %s\n", r.id, got.verdict, got.took.Seconds(), r.text)
			if got.reason != "" {
				fmt.Fprintf(&b, "%22s %s\n", "", got.reason)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d requirements: %d pass, %d fail, %d skipped\n", len(results), count["pass"], count["FAIL"], count["skipped"])
	fmt.Print("\nRequirements of the front door\n\n" + b.String())
	if path := os.Getenv("STANDPIPE_REQUIREMENTS"); path != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func contains[T comparable](list []T, v T) bool { return slices.Contains(list, v) }
