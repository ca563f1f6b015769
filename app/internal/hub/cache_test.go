// SPDX-License-Identifier: Apache-2.0

package hub

import "testing"

// TestCacheKeepsNothingOld: who read before a write, or while it is being done,
// leaves nothing, in whatever order they come.
func TestCacheKeepsNothingOld(t *testing.T) {
	c := newCache[string](10, func(int) int { return 1 })
	kept := func(what string, want bool) {
		t.Helper()
		if v, _, ok := c.get("a"); ok != want {
			t.Errorf("%s: %d is remembered: %v, want %v", what, v, ok, want)
		}
	}
	keys := []string{"a"}
	_, before, _ := c.get("a")
	c.hold(keys)
	_, during, _ := c.get("a")
	c.put("a", 1, before)
	c.put("a", 2, during)
	kept("while it is written", false)
	c.hold(keys) // the next write, before the first is told to be done
	c.release(keys)
	_, between, _ := c.get("a")
	c.put("a", 1, before)
	c.put("a", 2, during)
	c.put("a", 2, between)
	kept("while it is written again", false)
	c.release(keys)
	c.put("a", 1, before)
	c.put("a", 2, during)
	c.put("a", 2, between)
	kept("read before it was written", false)
	_, after, _ := c.get("a")
	c.put("a", 3, after)
	kept("read afterwards", true)
	c.hold(keys)
	kept("about to be written", false)
	if len(c.held) != 1 {
		t.Errorf("held: %v", c.held)
	}
	c.release(keys)
	if len(c.held) != 0 {
		t.Errorf("held for ever: %v", c.held)
	}
}
