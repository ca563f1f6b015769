// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// streamer stands for who writes backups: it writes its pieces, then fails.
type streamer struct {
	mu     sync.Mutex
	got    hub.BackupRequest
	pieces []string
	err    error
}

// set says what the next backup is made of, and how it ends.
func (s *streamer) set(err error, pieces ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pieces, s.err = pieces, err
}

// asked is the last request.
func (s *streamer) asked() hub.BackupRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

func (s *streamer) Write(_ context.Context, req hub.BackupRequest, w io.Writer) error {
	s.mu.Lock()
	s.got = req
	pieces, err := s.pieces, s.err
	s.mu.Unlock()
	for _, p := range pieces {
		if _, err := io.WriteString(w, p); err != nil {
			return err
		}
	}
	return err
}

// transports are the two ways to the local surface: a connection, and a call.
func transports(t *testing.T, h *house) map[string]http.RoundTripper {
	server := httptest.NewServer(h.Local())
	t.Cleanup(server.Close)
	return map[string]http.RoundTripper{
		"in process": instance.HandlerTransport(h.Local()),
		"connection": over{server.URL, server.Client().Transport},
	}
}

type over struct {
	base string
	rt   http.RoundTripper
}

func (o over) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(o.base, "http://")
	return o.rt.RoundTrip(r)
}

// TestBackupStream: a refusal is an answer like any other; what breaks off in
// the middle does not look whole.
func TestBackupStream(t *testing.T) {
	h := newHouse(t)
	for name, rt := range transports(t, h) {
		t.Run(name, func(t *testing.T) {
			c := instance.NewClient(rt)
			h.backups.set(nil, "age-", "file")
			stream, id, err := c.Backup(t.Context(), contract.Backup{Recipients: []string{"age1x"}, Move: true, SkipDamaged: true})
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(stream)
			if string(b) != "age-file" || err != nil || !strings.HasPrefix(id, "backup_") {
				t.Errorf("%q, %v, id %q", b, err, id)
			}
			if g := h.backups.asked(); g.ID != id || !g.Move || !g.SkipDamaged || len(g.Recipients) != 1 {
				t.Errorf("asked for %+v", g)
			}

			h.backups.set(hub.Errorf(hub.CodeIntegrity, "2 records are damaged").WithRemedy("Mend it."))
			_, _, err = c.Backup(t.Context(), contract.Backup{})
			if e, ok := errors.AsType[*hub.Error](err); !ok || e.Code != hub.CodeIntegrity || e.Remedy != "Mend it." {
				t.Errorf("refused with %v", err)
			}

			h.backups.set(errors.New("the disk failed"), "half")
			stream, _, err = c.Backup(t.Context(), contract.Backup{})
			if err == nil {
				_, err = io.ReadAll(stream)
			}
			if err == nil {
				t.Error("half a backup was taken for a whole one")
			}
		})
	}
}

func TestBackupIsForTheSameUserOnly(t *testing.T) {
	h := newHouse(t)
	key := h.app(hub.NewApp{Kind: hub.AppServer})
	for _, path := range []string{"/local/backup", "/local/connections/resume"} {
		if r := send(h.App(), "POST", path, `{"all":true}`, "Content-Type", "application/json", "Authorization", "Bearer "+key); r.StatusCode != 404 {
			t.Errorf("%s for an app: %d", path, r.StatusCode)
		}
		if r := send(h.UI(), "POST", path, `{"all":true}`, "Content-Type", "application/json", "Host", uiHost); r.StatusCode == 200 {
			t.Errorf("%s for the page: %d", path, r.StatusCode)
		}
		if r := send(h.Local(), "POST", path, `{"all":true}`, "Content-Type", "application/json", "Origin", "http://evil.test"); r.StatusCode != 403 {
			t.Errorf("%s for a browser: %d", path, r.StatusCode)
		}
	}
	if h.backups.asked().ID != "" {
		t.Error("a backup was begun")
	}
}

func TestConnectionsOfAllOwnersAndResume(t *testing.T) {
	h := newHouse(t)
	c := instance.NewClient(instance.HandlerTransport(h.Local()))
	id := h.connected(hub.Me)
	other := h.connected(hub.Owner{User: "user_1"})
	if err := h.transfer.MoveAway(t.Context(), "backup_1"); err != nil {
		t.Fatal(err)
	}
	all, err := c.Connections(t.Context())
	if err != nil || len(all.Connections) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, conn := range all.Connections {
		if conn.Reason != hub.ReasonMoved || conn.Backup != "backup_1" || !strings.Contains(conn.Remedy, "connections resume") {
			t.Errorf("%+v", conn)
		}
	}
	if _, err := c.Resume(t.Context(), contract.Resume{}); hub.AsError(err).Code != hub.CodeInvalid {
		t.Errorf("nothing said: %v", err)
	}
	r := send(h.Local(), "POST", "/ui/api/connections/"+id+"/resume", "{}", "Content-Type", "application/json")
	if body := decode(t, r); body["state"] != "connected" || body["backup"] != nil {
		t.Errorf("resumed: %v", body)
	}
	if r := send(h.Local(), "POST", "/ui/api/connections/none/resume", "{}", "Content-Type", "application/json"); r.StatusCode != 404 {
		t.Errorf("an unknown one: %d", r.StatusCode)
	}
	back, err := c.Resume(t.Context(), contract.Resume{All: true})
	if err != nil || len(back.Connections) != 1 || back.Connections[0].ID != other {
		t.Errorf("all: %+v, %v", back, err)
	}
}
