// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

// TestDisconnectAsks: a revocation that would end other connections is a
// question at a terminal, and an error where nobody is there to answer.
func TestDisconnectAsks(t *testing.T) {
	yes, no := true, false
	for name, tt := range map[string]struct {
		args   []string
		answer string // empty: nobody is there
		sent   []*bool
		code   hub.Code
	}{
		"yes":             {answer: "y\n", sent: []*bool{nil, &yes}},
		"no":              {answer: "No\n", sent: []*bool{nil, &no}},
		"neither":         {answer: "\n", sent: []*bool{nil}},
		"end of input":    {answer: " ", sent: []*bool{nil}},
		"nobody is there": {sent: []*bool{nil}, code: hub.CodeGrantShared},
		"json":            {args: []string{"--json"}, answer: "y\n", sent: []*bool{nil}, code: hub.CodeGrantShared},
		"said before":     {args: []string{"--revoke-grant"}, sent: []*bool{&yes}},
		"said no before":  {args: []string{"--revoke-grant=false"}, sent: []*bool{&no}},
	} {
		t.Run(name, func(t *testing.T) {
			var sent []*bool
			mux := http.NewServeMux()
			mux.HandleFunc("GET /ui/api/accounts", func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(contract.Accounts{Connections: []contract.Connection{{ID: "c1", Integration: "google"}}})
			})
			mux.HandleFunc("DELETE /ui/api/connections/c1", func(w http.ResponseWriter, r *http.Request) {
				var body contract.Disconnect
				_ = json.NewDecoder(r.Body).Decode(&body)
				sent = append(sent, body.RevokeGrant)
				if body.RevokeGrant == nil {
					w.WriteHeader(http.StatusConflict)
					_ = json.NewEncoder(w).Encode(contract.Error{Code: hub.CodeGrantShared, Message: "it would end more", Choices: []hub.Choice{{Connection: "c2", Account: "ada"}}})
					return
				}
				_ = json.NewEncoder(w).Encode(contract.Disconnected{Revoked: hub.ReachGrant, Message: "done"})
			})
			e, out, errs := testEnv(tt.answer)
			e.InTTY = tt.answer != ""
			e.json = len(tt.args) > 0 && tt.args[0] == "--json"
			cmd := newDisconnect(e)
			var args []string
			for _, a := range tt.args {
				if a != "--json" { // a flag of the root command
					args = append(args, a)
				}
			}
			if err := cmd.ParseFlags(args); err != nil {
				t.Fatal(err)
			}
			err := e.disconnect(t.Context(), instance.NewClient(instance.HandlerTransport(mux)), cmd, "google", "")
			if tt.code != "" && (err == nil || asHubError(err).Code != tt.code) || tt.code == "" && err != nil {
				t.Fatalf("ended with %v", err)
			}
			if len(sent) != len(tt.sent) {
				t.Fatalf("asked %d times", len(sent))
			}
			for i := range sent {
				if (sent[i] == nil) != (tt.sent[i] == nil) || sent[i] != nil && *sent[i] != *tt.sent[i] {
					t.Errorf("request %d says %v", i+1, sent[i])
				}
			}
			if asked := strings.Contains(errs.String(), "c2  ada"); asked != (tt.answer != "" && !e.json) {
				t.Errorf("it showed %q and %q", out, errs)
			}
		})
	}
}
