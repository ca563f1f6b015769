// SPDX-License-Identifier: Apache-2.0

package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// key returns the program's key: the configured one, the one in its file, or
// one that it pairs for.
func (c *Client) key(ctx context.Context, h *Hub) (secret.Value, error) {
	if !c.cfg.Key.IsZero() {
		return c.cfg.Key, nil
	}
	path, err := c.keyFile()
	if err != nil {
		return secret.Value{}, err
	}
	b, err := os.ReadFile(path)
	switch {
	case err == nil:
		return secret.New(strings.TrimSpace(string(b))), nil
	case !errors.Is(err, fs.ErrNotExist):
		return secret.Value{}, fmt.Errorf("standpipe: %w", err)
	case c.cfg.ShowCode == nil:
		return secret.Value{}, ErrNoKey
	}
	key, err := h.Pair(ctx, c.cfg.Name, []string{c.cfg.Integration}, c.cfg.ShowCode)
	if err != nil {
		return secret.Value{}, err
	}
	return key, save(path, key)
}

func (c *Client) keyFile() (string, error) {
	if c.cfg.KeyFile != "" {
		return c.cfg.KeyFile, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("standpipe: %w", err)
	}
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r < ' ' {
			return '-'
		}
		return r
	}, cmp.Or(c.cfg.Name, "standpipe-client"))
	return filepath.Join(dir, name, "standpipe.key"), nil
}

// save writes a key where nobody else can read it. A key is shown once, so one
// that cannot be kept is an error.
func save(path string, key secret.Value) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("standpipe: keep the key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("standpipe: keep the key: %w", err)
	}
	_, err = f.WriteString(key.Reveal() + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("standpipe: keep the key: %w", err)
	}
	return nil
}

type pairGrant struct {
	Integration string `json:"integration"`
}

// Pair asks for a key of the program's own, which may draw from the named
// integrations. show is called with the code that the user finds in Standpipe,
// too. It waits until the user has answered, or ctx ends. The error is an
// *Error with the code Denied where the answer is no.
func (h *Hub) Pair(ctx context.Context, name string, integrations []string, show func(code string)) (secret.Value, error) {
	grants := make([]pairGrant, 0, len(integrations))
	for _, i := range integrations {
		grants = append(grants, pairGrant{i})
	}
	var begun struct {
		Code string
		Poll string `json:"poll_secret"`
	}
	if err := h.post(ctx, "/apps/pair", secret.Value{}, nil, map[string]any{"name": name, "grants": grants}, &begun); err != nil {
		return secret.Value{}, err
	}
	poll := secret.New(begun.Poll)
	show(begun.Code)
	for {
		var out struct {
			Status   string
			Key      string
			Interval int
		}
		if err := h.post(ctx, "/apps/pair/collect", poll, http.Header{"Prefer": {"wait=20"}}, struct{}{}, &out); err != nil {
			return secret.Value{}, err
		}
		if out.Key != "" {
			return secret.New(out.Key), nil
		}
		select {
		case <-ctx.Done():
			return secret.Value{}, ctx.Err()
		case <-time.After(time.Duration(max(out.Interval, 1)) * time.Second):
		}
	}
}
