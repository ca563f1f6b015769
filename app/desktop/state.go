// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
)

// state is what the window remembers from one start to the next.
type state struct {
	Width     int  `json:"width"` // 0: never seen; in pixels
	Height    int  `json:"height"`
	X         int  `json:"x"`
	Y         int  `json:"y"`
	Maximised bool `json:"maximised"`
	// Background keeps Standpipe running when the window is closed.
	Background bool `json:"background"`
	// Told is set once the user was told of that.
	Told   bool `json:"told"`
	Notify bool `json:"notify"`
}

// stateFile keeps it in the data folder. Safe for concurrent use.
type stateFile struct {
	path string

	mu sync.Mutex
	state
}

// openState reads the state; one that cannot be read is as good as none: it
// holds nothing that would be missed.
func openState(folder string) *stateFile {
	f := &stateFile{path: filepath.Join(folder, "window.json"), state: state{Background: true, Notify: true}}
	b, err := os.ReadFile(f.path)
	if err != nil {
		return f
	}
	s := f.state
	if json.Unmarshal(b, &s) == nil && s.sane() {
		f.state = s
	}
	return f
}

// sane keeps a window from opening where nobody finds it.
func (s *state) sane() bool {
	inside := func(v, low, high int) bool { return v >= low && v <= high }
	return s.Width == 0 || inside(s.Width, minWidth, 16_000) && inside(s.Height, minHeight, 16_000) &&
		inside(s.X, -8000, 16_000) && inside(s.Y, -8000, 16_000)
}

// The smallest window, in pixels.
const (
	minWidth  = 340
	minHeight = 420
)

func (f *stateFile) get() state {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// change changes the state and writes it down.
func (f *stateFile) change(how func(*state)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.state
	if how(&next); next == f.state {
		return nil
	}
	b, err := json.MarshalIndent(&next, "", "  ")
	if err != nil {
		return err
	}
	temp := f.path + ".new"
	if err := os.WriteFile(temp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	if err := os.Rename(temp, f.path); err != nil {
		return err
	}
	f.state = next
	return nil
}
