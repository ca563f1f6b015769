// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

var (
	waiting = contract.Flow{State: contract.FlowWaiting, AuthorizationURL: "https://provider.example/authorize?x=1"}
	done    = contract.Flow{State: contract.FlowDone, Connection: "c1"}
)

func TestConnectPrintsTheAccount(t *testing.T) {
	h := newFlowHub(waiting, waiting, done)
	e, out, errs := testEnv("")
	var opened string
	e.OpenBrowser = func(url string) error { opened = url; return nil }
	c := &connecting{env: e, client: h.client()}
	if err := c.connect(t.Context(), contract.StartFlow{Integration: "github", ConfirmSelf: true}); err != nil {
		t.Fatal(err)
	}
	if opened != waiting.AuthorizationURL || !strings.Contains(errs.String(), waiting.AuthorizationURL) {
		t.Errorf("opened %q, told %q", opened, errs)
	}
	if got := out.String(); got != "Connected github as octocat (c1).\n" {
		t.Errorf("stdout = %q", got)
	}
	if !strings.Contains(errs.String(), "not granted: repo") {
		t.Errorf("the missing scope is not told: %q", errs)
	}
	if h.early || !h.started.ConfirmSelf {
		t.Errorf("started before listening: %v; request %+v", h.early, h.started)
	}
	h.wasCancelled(t, false)
}

func TestConnectJSONIsTwoLines(t *testing.T) {
	e, out, errs := testEnv("")
	e.json = true
	c := &connecting{env: e, client: newFlowHub(waiting, done).client(), noBrowser: true}
	c.OpenBrowser = func(string) error { t.Error("a browser was opened"); return nil }
	if err := c.connect(t.Context(), contract.StartFlow{Integration: "github"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"authorization_url":"https://provider.example/authorize?x=1"`) || !strings.Contains(lines[1], `"id":"c1"`) {
		t.Errorf("stdout = %q", out)
	}
	if errs.Len() > 0 {
		t.Errorf("stderr = %q", errs)
	}
}

func TestConnectFails(t *testing.T) {
	failed := contract.Flow{State: contract.FlowFailed, Error: &contract.Error{Code: hub.CodeUserDenied, Message: "refused at GitHub"}}
	e, _, _ := testEnv("")
	h := newFlowHub(waiting, failed)
	err := (&connecting{env: e, client: h.client()}).connect(t.Context(), contract.StartFlow{})
	if he, ok := errors.AsType[*hub.Error](err); !ok || he.Code != hub.CodeUserDenied || he.Message != "refused at GitHub" {
		t.Errorf("error = %v", err)
	}
	h.wasCancelled(t, false)
}

func TestConnectOtherAccount(t *testing.T) {
	other := contract.Flow{
		State: contract.FlowConfirm, Account: &contract.Account{Label: "hubot"}, Replaces: &contract.Account{Label: "octocat"},
	}
	t.Run("refused", func(t *testing.T) {
		e, _, _ := testEnv("")
		h := newFlowHub(waiting, other)
		err := (&connecting{env: e, client: h.client()}).connect(t.Context(), contract.StartFlow{})
		if asHubError(err).Code != hub.CodeAccountMismatch || !strings.Contains(err.Error(), "hubot") || !strings.Contains(err.Error(), "octocat") {
			t.Errorf("error = %v", err)
		}
		if h.confirmed != nil {
			t.Error("the other account was confirmed")
		}
		h.wasCancelled(t, true)
	})
	t.Run("accepted", func(t *testing.T) {
		e, _, _ := testEnv("")
		h := newFlowHub(waiting, other, done)
		err := (&connecting{env: e, client: h.client(), acceptOther: true}).connect(t.Context(), contract.StartFlow{})
		if err != nil || h.confirmed == nil || !h.confirmed.AcceptOtherAccount {
			t.Errorf("error = %v, confirmed %+v", err, h.confirmed)
		}
	})
}

func TestConnectPaste(t *testing.T) {
	url := "http://127.0.0.1:4780/callback/github?code=c&state=s"
	e, _, _ := testEnv("\n  " + url + "\n")
	h := newFlowHub(waiting)
	h.afterPaste = &done
	if err := (&connecting{env: e, client: h.client(), paste: true}).connect(t.Context(), contract.StartFlow{}); err != nil {
		t.Fatal(err)
	}
	if h.pasted != url {
		t.Errorf("pasted %q", h.pasted)
	}
	e, _, _ = testEnv("")
	h = newFlowHub(waiting)
	err := (&connecting{env: e, client: h.client(), paste: true}).connect(t.Context(), contract.StartFlow{})
	if err == nil || !strings.Contains(err.Error(), "no address was pasted") {
		t.Errorf("with nothing pasted: %v", err)
	}
	h.wasCancelled(t, true)
}

func TestConnectInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	e, _, errs := testEnv("")
	e.OpenBrowser = func(string) error { interrupt(); return io.EOF }
	h := newFlowHub(waiting)
	err := (&connecting{env: e, client: h.client()}).connect(ctx, contract.StartFlow{})
	if code := e.fail(ctx, err); code != exitInterrupted {
		t.Errorf("exit code %d (%v)\n%s", code, err, errs)
	}
	h.wasCancelled(t, true)
}

func TestFindConnection(t *testing.T) {
	cases := map[string]struct {
		name, account string
		want          string // id, or code of the error
	}{
		"by id":                     {"c2", "", "c2"},
		"by slug":                   {"slack", "", "c3"},
		"by slug and login":         {"github", "octocat", "c1"},
		"by slug and e-mail":        {"github", "hubot@example.com", "c2"},
		"several":                   {"github", "", string(hub.CodeAccountSelection)},
		"none":                      {"google", "", string(hub.CodeNotFound)},
		"of another's integration":  {"slack", "octocat", string(hub.CodeNotFound)},
		"an id that is not of slug": {"slack", "c1", string(hub.CodeNotFound)},
	}
	c := newFlowHub(waiting).client()
	for name, tc := range cases {
		conn, err := findConnection(t.Context(), c, tc.name, tc.account)
		got := conn.ID
		if err != nil {
			got = string(asHubError(err).Code)
		}
		if got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}
