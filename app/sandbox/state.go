// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// stateFile holds the snapshots of all players by slug.
type stateFile struct {
	path    string // empty: nothing is kept
	players []player

	mu    sync.Mutex
	saved []byte
}

func (f *stateFile) load() error {
	if f.path == "" {
		return nil
	}
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the sandbox's state: %w", err)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return fmt.Errorf("the sandbox's state in %s is damaged; delete the file to begin anew: %w", f.path, err)
	}
	for _, p := range f.players {
		if part, ok := parts[p.slug()]; ok {
			if err := p.Restore(part); err != nil {
				return fmt.Errorf("the sandbox's state in %s is damaged; delete the file to begin anew: %w", f.path, err)
			}
		}
	}
	f.saved = b
	return nil
}

// save replaces the file as a whole, unless nothing changed.
func (f *stateFile) save() error {
	if f.path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := map[string]json.RawMessage{}
	for _, p := range f.players {
		part, err := p.Snapshot()
		if err != nil {
			return fmt.Errorf("write down the sandbox's state: %w", err)
		}
		parts[p.slug()] = part
	}
	b, err := json.Marshal(parts)
	if err != nil {
		return fmt.Errorf("write down the sandbox's state: %w", err)
	}
	if bytes.Equal(b, f.saved) {
		return nil
	}
	if err := replaceFile(f.path, b); err != nil {
		return fmt.Errorf("keep the sandbox's state: %w", err)
	}
	f.saved = b
	return nil
}

// replaceFile writes beside the file and renames, so that a crash leaves the
// old content or the new. CreateTemp gives mode 0600.
func replaceFile(path string, b []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// heldAnswer keeps an answer back until it may go out.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heldAnswer) send(w http.ResponseWriter) {
	for k, v := range h.header {
		w.Header()[k] = v
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // the client went away: nothing to do
}
