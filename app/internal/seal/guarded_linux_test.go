// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// checkPages looks at the memory of a key as the kernel sees it.
func checkPages(t *testing.T, g *guarded) {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	start := fmt.Sprintf("%x-", uintptr(unsafe.Pointer(unsafe.SliceData(g.pages))))
	_, after, ok := strings.Cut("\n"+string(smaps), "\n"+start)
	if !ok {
		t.Fatalf("no mapping begins at %s", start)
	}
	head, after, _ := strings.Cut(after, "\n")
	if !strings.Contains(head, " ---p ") {
		t.Errorf("the key can be touched: %s", head)
	}
	_, flags, _ := strings.Cut(after, "VmFlags:")
	flags, _, _ = strings.Cut(flags, "\n")
	if !strings.Contains(flags, " dd") {
		t.Errorf("the key would be in a core file: flags%s", flags)
	}
	if g.pinned != strings.Contains(flags, " lo") {
		t.Errorf("pinned is %v, flags%s", g.pinned, flags)
	}
	if !g.pinned {
		t.Log("this process is allowed no locked memory")
	}
}
