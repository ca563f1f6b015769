// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/e2e/rig"
)

// TestAtRest: a hub of which nobody wants anything sleeps. What is counted is how
// often its threads give up the processor, which does not depend on how busy the
// machine is: some 25 times in five seconds. A ticker that looks for work twenty
// times a second makes it hundreds.
func TestAtRest(t *testing.T) {
	t.Parallel()
	hub := rig.NewHome(t).Serve()
	const window, most = 5 * time.Second, 150
	seen := 0
	defer func() { t.Logf("%d wakes in %v", seen, window) }()
	rig.EventuallyFor(t, 2*time.Minute, "the hub rests", func() bool { // when its start is over
		before := wakes(t, hub.PID())
		time.Sleep(window)
		seen = wakes(t, hub.PID()) - before
		return seen < most
	})
}

// wakes counts how often the threads of a process gave up the processor.
func wakes(t *testing.T, pid int) (n int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("no threads: %v", err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it ended just now
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				count, err := strconv.Atoi(strings.TrimSpace(v))
				if err != nil {
					t.Fatal(err)
				}
				n += count
			}
		}
	}
	return n
}
