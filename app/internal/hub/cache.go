// SPDX-License-Identifier: Apache-2.0

package hub

import "sync"

// cache keeps what was read of a store lately, bounded by its cost. Who writes
// holds the keys from before the write is done until after it, so that nothing
// is kept that is older than what somebody saw. Safe for concurrent use.
//
//	v, version, ok := c.get(k)
//	if !ok { v = read(k); c.put(k, v, version) }
//
//	c.hold(keys); write(keys); c.release(keys)
type cache[K comparable, V any] struct {
	max  int
	cost func(V) int

	mu      sync.Mutex
	values  map[K]V
	size    int
	version uint64 // counts the writes
	// held counts the writes of a key that are being done, or that failed and may
	// still arrive.
	held map[K]int
}

func newCache[K comparable, V any](max int, cost func(V) int) *cache[K, V] {
	return &cache[K, V]{max: max, cost: cost, values: map[K]V{}, held: map[K]int{}}
}

func (c *cache[K, V]) get(k K) (v V, version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok = c.values[k]
	return v, c.version, ok
}

// put keeps what was read after get answered with version, unless something was
// written since, or is being written.
func (c *cache[K, V]) put(k K, v V, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version != c.version || c.held[k] > 0 || c.cost(v) > c.max/2 {
		return
	}
	c.drop(k)
	c.values[k] = v
	c.size += c.cost(v)
	for other := range c.values { // some other: maps are walked at random
		if c.size <= c.max {
			break
		}
		if other != k {
			c.drop(other)
		}
	}
}

// hold forgets keys that are about to be written. Until they are released nothing
// is kept of them: of two who read meanwhile, one may see the write and the other
// not. A write that failed is released when it cannot arrive any more.
func (c *cache[K, V]) hold(keys []K) {
	if len(keys) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	for _, k := range keys {
		c.drop(k)
		c.held[k]++
	}
}

// release ends a hold of keys that were written, or never will be.
func (c *cache[K, V]) release(keys []K) {
	if len(keys) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++ // who began to read before saw what was there before
	for _, k := range keys {
		if c.held[k]--; c.held[k] == 0 {
			delete(c.held, k)
		}
	}
}

// clear forgets everything, and what is being read now too.
func (c *cache[K, V]) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	clear(c.values)
	c.size = 0
}

// drop needs c.mu held.
func (c *cache[K, V]) drop(k K) {
	if v, ok := c.values[k]; ok {
		c.size -= c.cost(v)
		delete(c.values, k)
	}
}
