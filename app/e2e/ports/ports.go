// SPDX-License-Identifier: Apache-2.0

// Package ports gives tests TCP ports of 127.0.0.1 for servers that another
// process starts. A port that the system chose and that was let go of again is
// one that it may give to the next outgoing connection of anybody, before the
// server listens; these are ports from which no system takes any.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Below the ephemeral ports of every system that has not been told otherwise
// (Linux begins at 32768, the others at 49152).
const (
	lowest = 20_000
	block  = 250
	blocks = 48
)

// owned is what this process may give away. It listens on the first port of a
// block for as long as it lives, so that no other process has the same block.
type owned struct {
	mu        sync.Mutex
	locks     []net.Listener
	next, end int
}

var process owned

// Take returns the first of n ports in a row, at most 200, on which nobody
// listens. No port is given twice, neither by this process nor by another that
// runs at the time. It is safe for concurrent use.
func Take(n int) (int, error) {
	process.mu.Lock()
	defer process.mu.Unlock()
	return process.take(n, rand.IntN(blocks))
}

func (o *owned) take(n, from int) (int, error) {
	if n < 1 || n > 200 {
		return 0, fmt.Errorf("%d ports in a row: 1 to 200 can be had", n)
	}
	for {
		for o.next+n <= o.end {
			first := o.next
			if o.next += n; free(first, n) {
				return first, nil
			}
		}
		if err := o.claim(from); err != nil {
			return 0, err
		}
	}
}

// claim takes the first block at or after from that nobody has.
func (o *owned) claim(from int) error {
	for i := range blocks {
		first := lowest + (from+i)%blocks*block
		l, err := listen(first)
		if err != nil {
			continue
		}
		o.locks = append(o.locks, l)
		o.next, o.end = first+1, first+block
		return nil
	}
	return errors.New("all test ports are taken: too many tests run on this machine")
}

func free(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := listen(port)
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
