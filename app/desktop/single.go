// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// errElsewhere says that the window of this data folder is open in another
// process, which has been told what was wanted.
var errElsewhere = errors.New("the window is open already")

// wish is what a start asks of the window, its own or the one that is there.
type wish struct {
	Show bool   `json:"show,omitempty"`
	Link string `json:"link,omitempty"` // of the scheme standpipe
	Quit bool   `json:"quit,omitempty"`
}

// single makes one window of many starts: a lock says which process has it, a
// socket beside tells that one what the others were started for. D-Bus, which
// Wails would use, is not everywhere, and would ask too late.
type single struct {
	listener net.Listener
	lock     *os.File
	wishes   chan wish
}

// messageTime bounds the talk between two starts.
const messageTime = 5 * time.Second

// claim takes the window of a run folder, or passes w to who has it, and then
// returns errElsewhere. The folder is private to this user (package instance
// sees to that), so nobody else reaches the socket.
func claim(dir string, w wish) (*single, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, hub.Errorf(hub.CodeStorage, "create the folder %s: %w", dir, err)
	}
	path := filepath.Join(dir, "window.sock")
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		lock, err := tryLock(filepath.Join(dir, "window.lock"))
		if err != nil {
			return nil, hub.Errorf(hub.CodeStorage, "lock the window: %w", err)
		}
		if lock != nil {
			return listen(path, lock)
		}
		err = pass(path, w)
		if err == nil {
			return nil, errElsewhere
		}
		// It is just starting, or just ending.
		if time.Since(begin) > messageTime {
			return nil, hub.Errorf(hub.CodeConflict, "another window of this data folder does not answer: %w", err).
				WithRemedy("End it, and start again.")
		}
	}
}

func listen(path string, lock *os.File) (*single, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, lock.Close())
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &single{listener: l, lock: lock, wishes: make(chan wish, 4)}
	go s.serve()
	return s, nil
}

// Close gives the window free.
func (s *single) Close() error { return errors.Join(s.listener.Close(), s.lock.Close()) }

// serve takes one wish a connection and answers when it is in the channel.
func (s *single) serve() {
	defer close(s.wishes)
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		_ = c.SetDeadline(time.Now().Add(messageTime))
		var w wish
		if json.NewDecoder(bufio.NewReader(c)).Decode(&w) == nil {
			select {
			case s.wishes <- w:
				_, _ = c.Write([]byte("ok\n"))
			default: // the window does not get round to it; the caller tries again
			}
		}
		_ = c.Close()
	}
}

func pass(path string, w wish) error {
	c, err := net.DialTimeout("unix", path, messageTime)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(messageTime))
	if err := json.NewEncoder(c).Encode(w); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	if answer != "ok\n" {
		return errors.New("it answered " + answer)
	}
	return nil
}
