// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"container/heap"
	"time"
)

// plan is a heap of what is due when.
type plan struct {
	items []*item
	byID  map[string]*item
}

type item struct {
	id    string
	at    time.Time
	index int
}

func (p *plan) first() (time.Time, bool) {
	if len(p.items) == 0 {
		return time.Time{}, false
	}
	return p.items[0].at, true
}

func (p *plan) set(id string, at time.Time) {
	if it := p.byID[id]; it != nil {
		it.at = at
		heap.Fix(p, it.index)
		return
	}
	heap.Push(p, &item{id: id, at: at})
}

func (p *plan) remove(id string) {
	if it := p.byID[id]; it != nil {
		heap.Remove(p, it.index)
	}
}

func (p *plan) pop() string { return heap.Pop(p).(*item).id }

func (p *plan) clear() { p.items, p.byID = nil, map[string]*item{} }

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
	p.items = p.items[:len(p.items)-1]
	delete(p.byID, it.id)
	return it
}
