// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"context"
	"fmt"
	"html"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// notice is a notification of the desktop. Title and body are plain text.
type notice struct {
	title, body string
	route       string // of the page that a click opens
}

// notifier shows notices. clicked is called with the route of one that was
// clicked.
type notifier interface {
	show(notice) error
	Close() error
}

// source is what the watcher asks of the hub.
type source interface {
	Accounts(context.Context) (contract.Accounts, error)
	Approvals(context.Context) (contract.Approvals, error)
	Pairings(context.Context) (contract.Pairings, error)
}

// watcher tells the user, once each, what waits for them.
type watcher struct {
	hub  source
	told map[string]bool // by connection, approval or pairing
}

func newWatcher(s source) *watcher { return &watcher{hub: s, told: map[string]bool{}} }

// after returns what to tell after an event.
func (w *watcher) after(ctx context.Context, e hub.Event) []notice {
	switch e.Type {
	case hub.EventConnected:
		delete(w.told, e.Connection)
	case hub.EventNeedsReauthorization:
		if !w.first(e.Connection) {
			return nil
		}
		return w.connection(ctx, e.Connection)
	case hub.EventApproval:
		list, err := w.hub.Approvals(ctx)
		if err != nil {
			return nil // locked, or gone: nothing can be answered then
		}
		var out []notice
		for _, a := range list.Approvals {
			if w.first(a.ID) {
				out = append(out, notice{title: fmt.Sprintf("%s wants to use %s", a.AppName, a.IntegrationName), body: "Allow or deny it in Standpipe.", route: "#/apps"})
			}
		}
		return out
	case hub.EventPairing:
		list, err := w.hub.Pairings(ctx)
		if err != nil {
			return nil
		}
		var out []notice
		for _, p := range list.Pairings {
			if !p.Approved && w.first(p.Code) {
				out = append(out, notice{title: "A program asks for a key", body: fmt.Sprintf("It calls itself %s and shows the code %s.", p.Name, p.Code), route: "#/apps"})
			}
		}
		return out
	}
	return nil
}

func (w *watcher) first(id string) bool {
	if w.told[id] {
		return false
	}
	w.told[id] = true
	return true
}

func (w *watcher) connection(ctx context.Context, id string) []notice {
	n := notice{title: "An account needs you", body: "Reauthorize it in Standpipe.", route: "#/?account=" + id}
	list, err := w.hub.Accounts(ctx)
	if err != nil {
		return []notice{n}
	}
	for _, c := range list.Connections {
		if c.ID != id {
			continue
		}
		name := c.Integration
		for _, i := range list.Integrations {
			if i.Slug == c.Integration {
				name = i.Name
			}
		}
		n.title, n.body = fmt.Sprintf("%s needs you", name), c.Account.Label
		if c.Remedy != "" {
			n.body += ": " + c.Remedy
		}
	}
	return []notice{n}
}

// markup makes plain text out of what a notification server takes for markup.
func markup(text string) string { return html.EscapeString(text) }
