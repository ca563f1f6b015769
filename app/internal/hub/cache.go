// SPDX-License-Identifier: Apache-2.0

package hub

import "sync"

// cache keeps what was read of a store lately, bounded by its cost. What it has
// is never older than the last write that was told with forget. Safe for
// concurrent use.
//
//	v, version, ok := c.get(k)
//	if !ok { v = read(k); c.put(k, v, version) }
type cache[K comparable, V any] struct {
	max  int
	cost func(V) int

	mu      sync.Mutex
	values  map[K]V
	size    int
	version uint64 // counts the writes
	// doubtful are keys of which a write failed that may still arrive.
	doubtful map[K]bool
}

func newCache[K comparable, V any](max int, cost func(V) int) *cache[K, V] {
	return &cache[K, V]{max: max, cost: cost, values: map[K]V{}, doubtful: map[K]bool{}}
}

func (c *cache[K, V]) get(k K) (v V, version uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok = c.values[k]
	return v, c.version, ok
}

// put keeps what was read after get answered with version, unless something was
// written since.
func (c *cache[K, V]) put(k K, v V, version uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version != c.version || c.doubtful[k] || c.cost(v) > c.max/2 {
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

// forget says that keys were written, doubtful that a write of them may still
// arrive.
func (c *cache[K, V]) forget(keys []K, doubtful bool) {
	if len(keys) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	for _, k := range keys {
		c.drop(k)
		if doubtful {
			c.doubtful[k] = true
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
