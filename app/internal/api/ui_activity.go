// SPDX-License-Identifier: Apache-2.0

package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// pageSize is how many entries are shown where nobody says.
const pageSize = 100

// ActivityFilter is the query of both activity routes.
type ActivityFilter struct {
	App        string    `query:"app" maxLength:"128"`
	Connection string    `query:"connection" maxLength:"128"`
	Decision   string    `query:"decision" enum:"allowed,denied,failed"`
	Action     string    `query:"action" maxLength:"64"`
	Since      time.Time `query:"since" doc:"RFC 3339; entries from then on"`
	Until      time.Time `query:"until" doc:"RFC 3339; entries before it"`
}

func (f *ActivityFilter) filter() hub.AuditFilter {
	return hub.AuditFilter{
		App: f.App, Connection: f.Connection, Decision: hub.AuditDecision(f.Decision), Action: hub.AuditAction(f.Action),
		Since: f.Since, Until: f.Until,
	}
}

func (a *API) activity(ctx context.Context, in *struct {
	ActivityFilter
	Before uint64 `query:"before" doc:"Number of an entry; those before it are listed"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000"`
}) (*body[contract.Activity], error) {
	page, err := a.cfg.Activity.Page(ctx, in.filter(), in.Before, cmp.Or(in.Limit, pageSize))
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx)
	if err != nil {
		return nil, err
	}
	out := contract.Activity{Entries: make([]contract.ActivityEntry, 0, len(page.Records)), Next: page.Next, Damaged: page.Damaged}
	for i := range page.Records {
		out.Entries = append(out.Entries, names.entry(&page.Records[i]))
	}
	return &body[contract.Activity]{out}, nil
}

// exportActivity streams the audit as JSON lines, oldest first. What cannot be
// read is left out, and the stream is cut off, so that nobody takes it for
// whole.
func (a *API) exportActivity(w http.ResponseWriter, r *http.Request) {
	filter, err := exportFilter(r.URL.Query())
	if err != nil {
		a.writeFailure(w, r, err)
		return
	}
	names, err := a.names(r.Context())
	if err != nil {
		a.writeFailure(w, r, err)
		return
	}
	rc, enc, begun, damaged := http.NewResponseController(w), json.NewEncoder(w), false, false
	begin := func() {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.Header().Set("Content-Disposition", `attachment; filename="standpipe-audit.jsonl"`)
			begun = true
		}
	}
	for rec, err := range a.cfg.Activity.Read(r.Context(), filter) {
		if err != nil {
			if e := hub.AsError(err); e.Code != hub.CodeIntegrity && !begun {
				a.writeFailure(w, r, err)
				return
			}
			a.cfg.Logger.Error("the audit cannot be exported as a whole", "err", err)
			damaged = true
			continue
		}
		begin()
		_ = rc.SetWriteDeadline(time.Now().Add(writeLimit))
		if enc.Encode(names.entry(&rec)) != nil {
			return // the reader is gone
		}
	}
	begin()
	if damaged {
		panic(http.ErrAbortHandler)
	}
}

func exportFilter(q url.Values) (f hub.AuditFilter, err error) {
	f = hub.AuditFilter{
		App: q.Get("app"), Connection: q.Get("connection"),
		Decision: hub.AuditDecision(q.Get("decision")), Action: hub.AuditAction(q.Get("action")),
	}
	for name, t := range map[string]*time.Time{"since": &f.Since, "until": &f.Until} {
		if s := q.Get(name); s != "" {
			if *t, err = time.Parse(time.RFC3339, s); err != nil {
				return f, &hub.Error{Code: hub.CodeInvalid, Field: name, Message: name + " is no time", Remedy: "Write it as 2006-01-02T15:04:05Z."}
			}
		}
	}
	return f, nil
}

func (a *API) checkActivity(ctx context.Context, _ *struct{}) (*body[contract.AuditReport], error) {
	r, err := a.cfg.Activity.Verify(ctx)
	if err != nil {
		return nil, err
	}
	out := contract.AuditReport{
		OK: len(r.Problems) == 0, Entries: r.Entries, First: r.First, Last: r.Last, Unsealed: r.Unsealed,
		Problems: make([]contract.AuditProblem, 0, len(r.Problems)),
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, contract.AuditProblem(p))
	}
	return &body[contract.AuditReport]{out}, nil
}

// names knows what ids are called today, and what apps that are gone were called.
type names struct {
	apps   map[string]string
	gone   func(id string) string
	lookup func(id string) (*hub.Connection, error)
	conns  map[string]*hub.Connection // nil: gone, or damaged
}

func (a *API) names(ctx context.Context) (*names, error) {
	n := &names{
		apps: map[string]string{user: "You"}, conns: map[string]*hub.Connection{},
		gone:   func(id string) string { return a.gone.name(ctx, id) },
		lookup: func(id string) (*hub.Connection, error) { return a.cfg.Connections.Get(ctx, id) },
	}
	apps, err := a.cfg.Access.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		n.apps[app.ID] = app.Name
	}
	return n, nil
}

func (n *names) app(id string) string {
	if name, ok := n.apps[id]; ok {
		return name
	}
	return n.gone(id)
}

func (n *names) connection(id string) *hub.Connection {
	if id == "" {
		return nil
	}
	c, ok := n.conns[id]
	if !ok {
		c, _ = n.lookup(id) // without a name the id remains
		n.conns[id] = c
	}
	return c
}

func (n *names) entry(r *hub.AuditRecord) contract.ActivityEntry {
	out := contract.ActivityEntry{
		Seq: r.Seq, Time: r.Time, Action: r.Action, Decision: r.Decision,
		App: r.App, AppName: n.app(r.App), Connection: r.Connection, Subject: r.Subject, Rule: r.Rule, Code: r.Code,
		Scope: r.Scope, Fingerprint: r.Fingerprint, Generation: r.Generation, Reach: r.Reach, LatencyUS: r.Latency.Microseconds(),
	}
	if c := n.connection(r.Connection); c != nil {
		out.Integration, out.Account = c.Integration, c.Account.Label()
	}
	if r.Subject != user {
		out.SubjectName = n.app(r.Subject)
	}
	if r.Peer != (hub.Peer{}) {
		out.Peer = &r.Peer
	}
	return out
}
