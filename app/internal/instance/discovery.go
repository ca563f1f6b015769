// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// Discovery is the content of hub.json, by which other programs of the user
// find the hub. Its server key is for programs of the user alone, which can tell
// the hub from a stranger on its port by it (POST /hello).
type Discovery struct {
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	Protocol  int       `json:"protocol"`
	Socket    string    `json:"socket"`
	AppAPI    string    `json:"app_api"`              // "http://127.0.0.1:4780"; empty: not served
	UI        string    `json:"ui,omitempty"`         // "http://127.0.0.1:4781"; empty: not served
	ServerKey []byte    `json:"server_key,omitempty"` // 32 bytes, base64; new at each start
	StartedAt time.Time `json:"started_at"`
}

// Announce writes the discovery file, atomically and with mode 0600. Call it
// when the hub is ready. Process id, protocol and socket are filled in; Close
// removes the file.
func (in *Instance) Announce(d Discovery) error {
	d.PID, d.Protocol, d.Socket = os.Getpid(), contract.Protocol, in.paths.Socket()
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return errors.New("announce a hub that is closed")
	}
	if err := replaceFile(in.paths.Discovery(), append(data, '\n')); err != nil {
		return hub.Errorf(hub.CodeStorage, "write %s: %w", in.paths.Discovery(), err)
	}
	return nil
}

// Discover reads what the hub of the data folder announced, ErrNotRunning
// where none did. A hub that was killed leaves the file behind.
func Discover(p Paths) (Discovery, error) {
	p, err := p.held()
	if err != nil {
		return Discovery{}, err
	}
	if err := checkFolder(p.Run); err != nil {
		return Discovery{}, err
	}
	data, err := os.ReadFile(p.Discovery())
	if errors.Is(err, fs.ErrNotExist) {
		return Discovery{}, ErrNotRunning
	}
	if err != nil {
		return Discovery{}, fmt.Errorf("read the discovery file: %w", err)
	}
	var d Discovery
	if err := json.Unmarshal(data, &d); err != nil {
		return Discovery{}, fmt.Errorf("read the discovery file %s: %w", p.Discovery(), err)
	}
	return d, nil
}
