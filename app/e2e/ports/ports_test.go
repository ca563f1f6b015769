// SPDX-License-Identifier: Apache-2.0

package ports

import (
	"testing"
)

func TestTake(t *testing.T) {
	seen := map[int]bool{}
	for range block + 10 { // more than a block has
		p, err := Take(1)
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] || p < lowest || p >= 32_000 {
			t.Fatalf("port %d, after %d others", p, len(seen))
		}
		seen[p] = true
	}
	first, err := Take(3)
	if err != nil {
		t.Fatal(err)
	}
	for p := first; p < first+3; p++ {
		if l, err := listen(p); err != nil || seen[p] {
			t.Errorf("port %d of three: %v, given before: %v", p, err, seen[p])
		} else {
			l.Close()
		}
	}
	for _, n := range []int{0, 201} {
		if _, err := Take(n); err == nil {
			t.Errorf("%d ports were given", n)
		}
	}
}

// TestTaken: a port on which somebody listens is passed over.
func TestTaken(t *testing.T) {
	var o owned
	first, err := o.take(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listen(first + 1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if p, err := o.take(1, 0); err != nil || p == first+1 {
		t.Errorf("port %d, on which somebody listens; %v", p, err)
	}
}

// TestTwoProcesses: two that begin at the same place get blocks of their own.
func TestTwoProcesses(t *testing.T) {
	var one, other owned
	a, err := one.take(1, 7)
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.take(1, 7)
	if err != nil {
		t.Fatal(err)
	}
	if (a-lowest)/block == (b-lowest)/block {
		t.Errorf("both have the block of %d and %d", a, b)
	}
}
