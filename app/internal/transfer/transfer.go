// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Config is what a Desk needs. Every field must be set.
type Config struct {
	Connections *hub.Connections
	Providers   Providers
	Catalog     Catalog
	Refreshes   Refreshes
	Auditor     hub.Auditor
	Publisher   hub.Publisher
	Now         func() time.Time
	NewID       func(prefix string) string
	// Pictures fetches the pictures of accounts; nil: there are none.
	Pictures Pictures
}

// Pictures fetches the picture of a connection's account some time later. It
// never blocks, and is no part of an import.
type Pictures interface {
	Fetch(*hub.Connection, *hub.Resolved)
}

// Providers is what is asked of provider plugins; see hub.Providers.
type Providers interface {
	Refresh(context.Context, hub.Target, hub.RefreshRequest) (hub.TokenAnswer, error)
	Identify(context.Context, hub.Target, hub.IdentifyRequest) (hub.Identity, error)
}

// Catalog resolves integrations.
type Catalog interface {
	Resolve(ctx context.Context, slug string, config map[string]string) (*hub.Resolved, error)
}

// Refreshes are the refreshes under way.
type Refreshes interface {
	// Quiesce returns when none of these connections is being refreshed.
	Quiesce(ctx context.Context, connections []string) error
}

// Desk is where connections come in and leave. It is safe for concurrent use.
type Desk struct{ cfg Config }

// New returns a Desk.
func New(cfg Config) *Desk { return &Desk{cfg} }

// quiet is how long a move waits for refreshes under way.
const quiet = time.Minute

// MoveAway takes every connection out of use, for a backup that moves them, and
// waits until the stored tokens are the last ones. When it fails, they are in
// use again.
func (d *Desk) MoveAway(ctx context.Context, backup string) error {
	return d.moveAway(ctx, backup, nil)
}

func (d *Desk) moveAway(ctx context.Context, backup string, match func(*hub.Connection) bool) error {
	held, err := Hold(ctx, d.cfg.Connections, nil, hub.ReasonMoved, backup, d.cfg.Now(), match)
	d.tell(held)
	if err == nil {
		ids := make([]string, 0, len(held))
		for _, c := range held {
			ids = append(ids, c.ID)
		}
		ctx, cancel := context.WithTimeout(ctx, quiet)
		defer cancel()
		err = d.cfg.Refreshes.Quiesce(ctx, ids)
	}
	if err != nil {
		return errors.Join(err, d.TakeBack(ctx, backup))
	}
	return nil
}

// TakeBack undoes MoveAway, for a backup that was not made after all.
func (d *Desk) TakeBack(ctx context.Context, backup string) error {
	back, err := Release(context.WithoutCancel(ctx), d.cfg.Connections, nil, d.cfg.Now(), func(c *hub.Connection) bool {
		return c.Reason == hub.ReasonMoved && c.Backup == backup
	})
	d.tell(back)
	return err
}

// Resume uses connections here again whose tokens were held, because nobody
// else uses them any more; the caller vouches for that. It returns them.
func (d *Desk) Resume(ctx context.Context, caller string, req hub.ResumeRequest) ([]*hub.Connection, error) {
	if len(req.Connections) == 0 && req.Backup == "" && !req.All {
		return nil, hub.Errorf(hub.CodeInvalid, "say which connections to use here again")
	}
	match := func(c *hub.Connection) bool {
		return (len(req.Connections) == 0 || slices.Contains(req.Connections, c.ID)) && (req.Backup == "" || c.Backup == req.Backup)
	}
	for conn, err := range d.cfg.Connections.All(ctx) {
		if err != nil || !conn.Elsewhere() || conn.State != hub.StateNeedsReauthorization || !match(conn) {
			continue // what cannot be read is not changed either
		}
		entry := hub.AuditEntry{Time: d.cfg.Now(), Action: hub.AuditResume, Decision: hub.AuditAllowed, App: caller, Connection: conn.ID, Subject: conn.Backup}
		if err := d.cfg.Auditor.Record(ctx, entry); err != nil {
			return nil, err
		}
	}
	back, err := Release(ctx, d.cfg.Connections, nil, d.cfg.Now(), match)
	d.tell(back)
	return back, err
}

// tell publishes what became of connections; the background refresh listens.
func (d *Desk) tell(conns []*hub.Connection) {
	for _, c := range conns {
		e := hub.Event{Type: hub.EventConnected, Connection: c.ID, Slug: c.Integration, Time: d.cfg.Now()}
		if c.State != hub.StateConnected {
			e.Type, e.Reason = hub.EventNeedsReauthorization, c.Reason
		}
		d.cfg.Publisher.Publish(e)
	}
}
