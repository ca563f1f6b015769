// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// inMemory counts how often a text stands in what a process can write. Only root
// may look; what cannot be read is left out (guard pages, the kernel's own).
func inMemory(t *testing.T, pid int, text string) (n int) {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	page, looked := make([]byte, 4<<20), int64(0)
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || !strings.HasPrefix(rights, "rw") {
			continue
		}
		// Blocks overlap by one text less a byte, so that none is cut in two or
		// counted twice.
		for at := from; at < to; at += int64(len(page) - len(text) + 1) {
			got, _ := mem.ReadAt(page[:min(int64(len(page)), to-at)], at)
			n += bytes.Count(page[:got], []byte(text))
			looked += int64(got)
		}
	}
	if looked == 0 {
		t.Fatalf("nothing of the memory of process %d can be read", pid)
	}
	return n
}
