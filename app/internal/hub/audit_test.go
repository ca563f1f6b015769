// SPDX-License-Identifier: Apache-2.0

package hub

import "testing"

func TestAuditFileNumber(t *testing.T) {
	for name, want := range map[string]int{
		"audit.jsonl": 0, "audit.jsonl.1": 1, "audit.jsonl.31": 31,
		"audit.jsonl.": -1, "audit.jsonl1": -1, "audit.jsonl.-1": -1, "audit.jsonl.1.gz": -1, "audit.json": -1, "": -1,
	} {
		if n, ok := AuditFileNumber(name); ok != (want >= 0) || ok && n != want {
			t.Errorf("%q: %d, %v", name, n, ok)
		}
	}
}
