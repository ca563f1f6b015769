// SPDX-License-Identifier: Apache-2.0

package desktop

import (
	"context"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"time"

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
	hub   source
	since time.Time       // what waited before was told before
	told  map[string]bool // by connection, connection/token, approval or pairing
}

func newWatcher(s source, since time.Time) *watcher {
	return &watcher{hub: s, since: since, told: map[string]bool{}}
}

// after returns what to tell after an event.
func (w *watcher) after(ctx context.Context, e hub.Event) []notice {
	switch e.Type {
	case hub.EventConnected:
		maps.DeleteFunc(w.told, func(id string, _ bool) bool { return id == e.Connection || strings.HasPrefix(id, e.Connection+"/") })
	case hub.EventNeedsReauthorization:
		if !w.first(e.Connection) {
			return nil
		}
		return w.connection(ctx, e.Connection)
	case hub.EventHealth:
		// With a reason it is of a further token, which the event names.
		if e.Reason == "" || !w.first(e.Connection+"/"+e.Detail) {
			return nil
		}
		return w.furtherToken(ctx, e)
	case hub.EventApproval:
		return w.approvals(ctx)
	case hub.EventPairing:
		return w.pairings(ctx)
	case hub.EventResync:
		return slices.Concat(w.missed(ctx), w.approvals(ctx), w.pairings(ctx))
	}
	return nil
}

// missed tells of the accounts that came to need the user while events were lost,
// or while nobody could listen.
func (w *watcher) missed(ctx context.Context) (out []notice) {
	list, err := w.hub.Accounts(ctx)
	if err != nil {
		return nil
	}
	for i := range list.Connections {
		switch c := &list.Connections[i]; {
		case c.State != hub.StateNeedsReauthorization:
			delete(w.told, c.ID)
		case !c.UpdatedAt.Before(w.since) && w.first(c.ID):
			out = append(out, needsUser(c, nameOf(&list, c.Integration)))
		}
	}
	return out
}

func (w *watcher) approvals(ctx context.Context) (out []notice) {
	list, err := w.hub.Approvals(ctx)
	if err != nil {
		return nil // locked, or gone: nothing can be answered then
	}
	for _, a := range list.Approvals {
		if w.first(a.ID) {
			out = append(out, notice{title: fmt.Sprintf("%s wants to use %s", a.AppName, a.IntegrationName), body: "Allow or deny it in Standpipe.", route: "#/apps"})
		}
	}
	return out
}

func (w *watcher) pairings(ctx context.Context) (out []notice) {
	list, err := w.hub.Pairings(ctx)
	if err != nil {
		return nil
	}
	for _, p := range list.Pairings {
		if !p.Approved && w.first(p.Code) {
			out = append(out, notice{title: "A program asks for a key", body: fmt.Sprintf("It calls itself %s and shows the code %s.", p.Name, p.Code), route: "#/apps"})
		}
	}
	return out
}

func (w *watcher) first(id string) bool {
	if w.told[id] {
		return false
	}
	w.told[id] = true
	return true
}

func (w *watcher) connection(ctx context.Context, id string) []notice {
	if c, name := w.find(ctx, id); c != nil {
		return []notice{needsUser(c, name)}
	}
	return []notice{{title: "An account needs you", body: "Reauthorize it in Standpipe.", route: accountRoute + id}}
}

const accountRoute = "#/?account="

func needsUser(c *contract.Connection, integration string) notice {
	n := notice{title: integration + " needs you", body: c.Account.Label, route: accountRoute + c.ID}
	if c.Remedy != "" {
		n.body += ": " + c.Remedy
	}
	return n
}

// furtherToken tells of a token beside the main one that only the user can bring
// back. The rest of the connection goes on, so it is its own page that says more.
func (w *watcher) furtherToken(ctx context.Context, e hub.Event) []notice {
	n := notice{
		title: "An account needs you", body: fmt.Sprintf("Its token “%s” cannot be renewed any more. Reauthorize it in Standpipe.", e.Detail),
		route: "#/connections/" + e.Connection,
	}
	if c, name := w.find(ctx, e.Connection); c != nil {
		if c.State == hub.StateNeedsReauthorization && w.told[e.Connection] {
			return nil // all of it needs the user, who was told so
		}
		n.title = fmt.Sprintf("%s needs you", name)
		n.body = fmt.Sprintf("%s: its token “%s” cannot be renewed any more. Reauthorize to bring it back; the rest goes on.", c.Account.Label, e.Detail)
	}
	return []notice{n}
}

// find looks a connection up, with the name of its integration; nil: it is not
// there, or cannot be read at the moment.
func (w *watcher) find(ctx context.Context, id string) (c *contract.Connection, integration string) {
	list, err := w.hub.Accounts(ctx)
	if err != nil {
		return nil, ""
	}
	i := slices.IndexFunc(list.Connections, func(c contract.Connection) bool { return c.ID == id })
	if i < 0 {
		return nil, ""
	}
	c = &list.Connections[i]
	return c, nameOf(&list, c.Integration)
}

// nameOf is what an integration is called.
func nameOf(list *contract.Accounts, slug string) string {
	for i := range list.Integrations {
		if list.Integrations[i].Slug == slug {
			return list.Integrations[i].Name
		}
	}
	return slug
}

// markup makes plain text out of what a notification server takes for markup.
func markup(text string) string { return html.EscapeString(text) }
