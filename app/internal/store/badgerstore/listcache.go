// SPDX-License-Identifier: Apache-2.0

package badgerstore

import "sync"

// cachedListBytes bounds the lists that are remembered, in each of two halves.
// Those of 300,000 connections fit; a store of fewer takes less.
const cachedListBytes = 20 << 20

// listCache remembers lists that were used lately. A remembered list may be
// older than what a transaction sees: a record that it vouches for is good, on
// any difference the list of the transaction itself decides.
type listCache struct {
	mu         sync.RWMutex
	young, old map[listKey]*list
	size       int // of young
}

func (c *listCache) get(lk listKey) *list {
	c.mu.RLock()
	l, young := c.young[lk]
	if !young {
		l = c.old[lk]
	}
	c.mu.RUnlock()
	if l != nil && !young {
		c.put(lk, l)
	}
	return l
}

// put remembers a list, unless a newer one is known.
func (c *listCache) put(lk listKey, l *list) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.young[lk]
	if known == nil {
		known = c.old[lk]
	}
	if known != nil && known.epoch > l.epoch {
		return
	}
	if c.size > cachedListBytes {
		c.young, c.old, c.size = nil, c.young, 0
	}
	if c.young == nil {
		c.young = map[listKey]*list{}
	}
	c.young[lk] = l
	c.size += len(l.lines) + 2*listKeyLen
}

// clear forgets all lists.
func (c *listCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.young, c.old, c.size = nil, nil, 0
}
