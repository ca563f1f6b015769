// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// ErrRunning is what errors of Acquire are (errors.Is) when another process is
// the hub of the data folder.
var ErrRunning = errors.New("a hub is running")

// RunningError says which process is the hub.
type RunningError struct {
	Data string
	PID  int // 0: not known
}

// Error implements error.
func (e *RunningError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("a hub is already running on %s", e.Data)
	}
	return fmt.Sprintf("a hub is already running on %s (pid %d)", e.Data, e.PID)
}

// Is makes errors.Is(err, ErrRunning) true.
func (e *RunningError) Is(target error) bool { return target == ErrRunning }

// holder is the content of the lock file. It leads to the socket whatever
// XDG_RUNTIME_DIR is to the one who asks (a cron job has none).
type holder struct {
	PID int    `json:"pid"`
	Run string `json:"run"`
}

// Instance is the right to be the hub of a data folder. Methods are safe for
// concurrent use.
type Instance struct {
	paths Paths
	lock  *flock.Flock

	mu       sync.Mutex
	listener net.Listener
	closed   bool
}

// Acquire makes this process the hub of the data folder, creating the folders
// where needed. Call it before anything of the data folder is opened. The error
// is a *RunningError when another process holds the folder.
//
// The kernel drops the lock when the process ends, however it ends.
func Acquire(p Paths) (*Instance, error) {
	if err := ensureFolder(p.Data); err != nil {
		return nil, err
	}
	lock := flock.New(p.Lock(), flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, hub.Errorf(hub.CodeStorage, "lock the data folder %s: %w", p.Data, err)
	}
	if !ok {
		_ = lock.Close()
		h, _ := readHolder(p)
		return nil, &RunningError{Data: p.Data, PID: h.PID}
	}
	in := &Instance{paths: p, lock: lock}
	if err := in.prepare(); err != nil {
		_ = in.Close()
		return nil, err
	}
	return in, nil
}

// prepare makes the run folder and clears what a killed hub left there.
func (in *Instance) prepare() error {
	// The folder above is $XDG_RUNTIME_DIR/standpipe or the data folder; only
	// the shared temporary folder is not ours to check.
	if parent := filepath.Dir(in.paths.Run); parent != filepath.Clean(os.TempDir()) {
		if err := ensureFolder(parent); err != nil {
			return err
		}
	}
	if err := ensureFolder(in.paths.Run); err != nil {
		return err
	}
	if err := in.removeSocket(); err != nil {
		return err
	}
	if err := remove(in.paths.Discovery()); err != nil {
		return err
	}
	data, err := json.Marshal(holder{PID: os.Getpid(), Run: in.paths.Run})
	if err != nil {
		return err
	}
	// Written in place: replacing the file would leave the lock on the old one.
	if err := os.WriteFile(in.paths.Lock(), data, 0o600); err != nil {
		return hub.Errorf(hub.CodeStorage, "write the lock file: %w", err)
	}
	return nil
}

// Paths returns what Acquire was given.
func (in *Instance) Paths() Paths { return in.paths }

// Listen opens the hub's socket, mode 0600. Connections of other users are
// answered 403 and closed before they reach Accept; the others tell who they
// are to ConnContext. A socket that a killed hub left is replaced, which is
// safe only because the lock is held.
func (in *Instance) Listen() (net.Listener, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, net.ErrClosed
	}
	if in.listener != nil {
		return nil, errors.New("the hub's socket is already open")
	}
	if err := in.removeSocket(); err != nil {
		return nil, err
	}
	path := in.paths.Socket()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, hub.Errorf(hub.CodeStorage, "open the hub's socket %s: %w", path, err)
	}
	// Close removes the socket itself, while the lock is still held.
	l.SetUnlinkOnClose(false)
	// Until here the folder, 0700, has kept others out.
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, hub.Errorf(hub.CodeStorage, "close the hub's socket %s to others: %w", path, err)
	}
	in.listener = &peerListener{UnixListener: l, uid: os.Geteuid(), turned: make(chan struct{}, maxTurned)}
	return in.listener, nil
}

// removeSocket removes a left-over socket, and nothing else.
func (in *Instance) removeSocket() error {
	path := in.paths.Socket()
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return hub.Errorf(hub.CodeStorage, "look at %s: %w", path, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return hub.Errorf(hub.CodeStorage, "%s (mode %04o) is in the place of the hub's socket and is none", path, info.Mode().Perm()).
			WithRemedy("Find out who put it there, and remove it.")
	}
	return remove(path)
}

// Close removes socket and discovery file and gives the data folder free. Call
// it last, after the store is closed. Calling it again does nothing.
func (in *Instance) Close() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil
	}
	in.closed = true
	var errs []error
	if in.listener != nil {
		if err := in.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
		errs = append(errs, remove(in.paths.Socket()))
	}
	errs = append(errs, remove(in.paths.Discovery()), in.lock.Close())
	return errors.Join(errs...)
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return hub.Errorf(hub.CodeStorage, "remove %s: %w", path, err)
	}
	return nil
}

// readHolder reads who holds, or held, the data folder.
func readHolder(p Paths) (holder, error) {
	data, err := os.ReadFile(p.Lock())
	if err != nil {
		return holder{}, err
	}
	var h holder
	if err := json.Unmarshal(data, &h); err != nil {
		return holder{}, err
	}
	return h, nil
}
