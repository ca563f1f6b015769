// SPDX-License-Identifier: Apache-2.0

package connect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// FuzzCallback: whatever comes to the callback, it does no harm to the flow that
// is waiting, unless it holds the state of that flow, once, on its path; then it
// spends it. STATE in a query stands for that state. The seeds are what real
// providers send.
func FuzzCallback(f *testing.F) {
	for _, seed := range []struct{ path, query string }{
		{"/callback/p", "code=c0de&state=STATE"},
		{"/callback/p", "code=4%2F0AbUR2VM&scope=email%20openid&authuser=0&prompt=consent&state=STATE"},                               // Google
		{"/callback/p", "error=access_denied&error_description=The+user+has+denied+your+application+access.&error_uri=x&state=STATE"}, // GitHub
		{"/callback/p", "error=access_denied&state=STATE"},                                                                            // Slack
		{"/callback/p", "code=aPrx.y&state=STATE&display=page"},                                                                       // Salesforce
		{"/callback/p", "code=1.AX&client_info=ey&state=STATE&session_state=0"},                                                       // Microsoft
		{"/callback/p", "error=login_required&error_description=AADSTS50058%3a+A+silent+sign-in&state=STATE"},
		{"/callback/p", "code=c&state=STATE&iss=https%3A%2F%2Fp.test"}, // RFC 9207
		{"/callback/p", "code=c&state=STATE&iss=https%3A%2F%2Fevil.test"},
		{"/callback/p", "code=a&code=b&state=STATE"},
		{"/callback/p", "code=a&state=STATE&state=STATE"},
		{"/callback/q", "code=a&state=STATE"},
		{"/callback/p", "state=STATE"},
		{"/callback/p/../q", "code=a&state=STATE%00"},
		{"", "%zz&;=&state="},
	} {
		f.Add(seed.path, seed.query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		h := newHouse(t)
		flow, auth := h.start(hub.StartFlow{})
		state := auth.Get("state")
		q, err := url.ParseQuery(strings.ReplaceAll(query, "STATE", state))
		if err != nil {
			return
		}
		_, err = h.Callback(t.Context(), path, q)
		ours := path == "/callback/p" && len(q["state"]) == 1 && q.Get("state") == state
		now, gone := h.Get(t.Context(), flow.ID)
		switch {
		case err == nil && !ours:
			t.Fatalf("a stranger was let in: %q %q", path, query)
		case err != nil && gone != nil:
			t.Fatalf("refused, and the flow is gone: %v", gone)
		case err != nil && len(h.exchanged) > 0:
			t.Fatal("refused, and a code was traded")
		case err == nil && now.State == hub.FlowWaiting:
			t.Fatal("taken, and the flow still waits")
		case err == nil && q.Get("error") != "" && now.State != hub.FlowFailed:
			t.Fatalf("the provider said %q, and the flow is %s", q.Get("error"), now.State)
		}
		if len(h.connected()) > 0 {
			t.Fatal("connected without a confirmation")
		}
		if err == nil {
			if _, err := h.Callback(t.Context(), path, q); err == nil {
				t.Fatal("the state was spent twice")
			}
		}
	})
}
