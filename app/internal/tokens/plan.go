// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"container/heap"
	"slices"
	"time"
)

// plan is a heap of what is due when.
type plan struct {
	items []*item
	byID  map[string]*item
}

// item is a connection that the background has in hand.
type item struct {
	id          string
	integration string
	at          time.Time
	// minutes are those under which the index names the connection, as far as
	// they were read.
	minutes []int64
	index   int // in the heap; -1: it is not there
}

func newPlan() plan { return plan{byID: map[string]*item{}} }

func (p *plan) first() (time.Time, bool) {
	if len(p.items) == 0 {
		return time.Time{}, false
	}
	return p.items[0].at, true
}

// add plans an item that is not in the plan.
func (p *plan) add(it *item) { heap.Push(p, it) }

// take removes an item and returns it; nil where there is none.
func (p *plan) take(id string) *item {
	it := p.byID[id]
	if it != nil {
		heap.Remove(p, it.index)
	}
	return it
}

func (p *plan) pop() *item { return heap.Pop(p).(*item) }

// named notes that the index names the item under a minute.
func (it *item) named(minute int64) {
	if !slices.Contains(it.minutes, minute) {
		it.minutes = append(it.minutes, minute)
	}
}

// oldest is the first minute under which the index names the item; its own
// where it does not.
func (it *item) oldest(none int64) int64 {
	if len(it.minutes) == 0 {
		return none
	}
	return slices.Min(it.minutes)
}

// The methods of heap.Interface.

func (p *plan) Len() int           { return len(p.items) }
func (p *plan) Less(i, j int) bool { return p.items[i].at.Before(p.items[j].at) }

func (p *plan) Swap(i, j int) {
	p.items[i], p.items[j] = p.items[j], p.items[i]
	p.items[i].index, p.items[j].index = i, j
}

func (p *plan) Push(x any) {
	it := x.(*item)
	it.index = len(p.items)
	p.items, p.byID[it.id] = append(p.items, it), it
}

func (p *plan) Pop() any {
	it := p.items[len(p.items)-1]
	p.items[len(p.items)-1] = nil
	p.items = p.items[:len(p.items)-1]
	it.index = -1
	delete(p.byID, it.id)
	return it
}
