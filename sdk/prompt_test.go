// SPDX-License-Identifier: Apache-2.0

package sdk_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/internal/protocol"
	"github.com/standpipe/standpipe/sdk/secret"
)

// TestPrompts: what each function sends, and what each answer of a host means.
func TestPrompts(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "dial")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := http.StatusOK, `{}`
	var got map[string]any
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = map[string]any{}
		if r.Method != http.MethodPost || r.URL.Path != "/prompt" || r.Header.Get("Authorization") != "Bearer ticket-1" {
			t.Errorf("%s %s %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	ctx := protocol.WithDial(t.Context(), protocol.Dial{Socket: socket, Ticket: secret.New("ticket-1")})
	ask := func(ctx context.Context) (secret.Value, error) {
		return sdk.Ask(ctx, sdk.Question{Text: "Which shop?", Label: "Shop", Secret: true})
	}

	answer = `{"value":"mine"}`
	if v, err := ask(ctx); err != nil || v.Reveal() != "mine" || got["kind"] != "ask" || got["label"] != "Shop" || got["secret"] != true {
		t.Errorf("%q, %v; sent %v", v.Reveal(), err, got)
	}
	if err := sdk.Show(ctx, "Look at your phone."); err != nil || got["kind"] != "message" || got["text"] != "Look at your phone." {
		t.Errorf("%v; sent %v", err, got)
	}
	if err := sdk.OpenURL(ctx, "https://p.example/", "Accept the terms."); err != nil || got["kind"] != "open" || got["url"] != "https://p.example/" {
		t.Errorf("%v; sent %v", err, got)
	}
	for _, c := range []struct {
		status int
		answer string
		want   sdk.Code
	}{
		{http.StatusOK, `{"declined":true}`, sdk.CodeUserDenied},
		{http.StatusBadRequest, `{"error":"no"}`, sdk.CodePluginBug},
		{http.StatusNotFound, `{"error":"nobody"}`, sdk.CodeUnsupported},
		{http.StatusForbidden, ``, sdk.CodeUnsupported}, // an older host
		{http.StatusOK, `garbage`, sdk.CodeUnsupported},
	} {
		status, answer = c.status, c.answer
		if _, err := ask(ctx); sdk.CodeOf(err) != c.want {
			t.Errorf("%d %q: %v, want %s", c.status, c.answer, err, c.want)
		}
	}
	if _, err := ask(t.Context()); sdk.CodeOf(err) != sdk.CodeUnsupported {
		t.Errorf("without a host: %v", err)
	}
	_ = srv.Close()
	if _, err := ask(ctx); sdk.CodeOf(err) != sdk.CodeTemporary {
		t.Errorf("with a host that is gone: %v", err)
	}
}
