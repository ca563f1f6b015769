// SPDX-License-Identifier: Apache-2.0

package seal

import (
	"fmt"
	"sync"

	"github.com/awnumar/memcall"
)

// guarded holds a key outside of Go's heap: in pages of its own that the
// garbage collector never copies, that are not swapped out and not in a core
// file, and that cannot be touched but within use. What the ciphers make of
// the key while they use it is on the heap all the same.
type guarded struct {
	mu     sync.Mutex
	pages  []byte // nil once destroyed
	pinned bool   // the system locked them into memory
}

// guard moves a secret into guarded memory and wipes it where it was.
func guard(secret []byte) (*guarded, error) {
	defer clear(secret)
	pages, err := memcall.Alloc(len(secret))
	if err != nil {
		return nil, fmt.Errorf("get memory for a key: %w", err)
	}
	// A process may be allowed no locked memory. That is told by doctor and
	// no reason to refuse a person their tokens.
	g := &guarded{pages: pages, pinned: memcall.Lock(pages) == nil}
	copy(pages, secret)
	if err := memcall.Protect(pages, memcall.NoAccess()); err != nil {
		g.destroy()
		return nil, fmt.Errorf("protect the memory of a key: %w", err)
	}
	return g, nil
}

// use lends the secret to f, which must not keep it.
func (g *guarded) use(f func(secret []byte) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pages == nil {
		return errLocked()
	}
	if err := memcall.Protect(g.pages, memcall.ReadOnly()); err != nil {
		return fmt.Errorf("read a key: %w", err)
	}
	defer func() { _ = memcall.Protect(g.pages, memcall.NoAccess()) }()
	return f(g.pages)
}

// destroy wipes the secret and gives its memory back.
func (g *guarded) destroy() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pages == nil {
		return
	}
	_ = memcall.Free(g.pages) // wipes first; a failure leaks one wiped page
	g.pages = nil
}

// Pinned reports whether the wrapping key is locked into memory. The error
// says that there is none, as the vault is locked.
func (v *Vault) Pinned() (bool, error) {
	k, err := v.use()
	if err != nil {
		return false, err
	}
	return k.wrap.pinned, nil
}
