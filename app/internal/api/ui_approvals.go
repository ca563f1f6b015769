// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func (a *API) approvals(ctx context.Context, _ *struct{}) (*body[contract.Approvals], error) {
	out := contract.Approvals{Approvals: []contract.Approval{}}
	for _, q := range a.cfg.Access.Approvals(ctx) {
		out.Approvals = append(out.Approvals, a.approvalBody(ctx, &q))
	}
	return &body[contract.Approvals]{out}, nil
}

func (a *API) approve(ctx context.Context, in *struct {
	ByID
	Body contract.Approve
}) (*body[contract.Grant], error) {
	b := &in.Body
	g, err := a.cfg.Access.Approve(ctx, in.ID, hub.Approve{
		Lasts: b.Lasts, For: seconds(b.For), Connection: b.Connection, Scopes: b.Scopes, AcceptWider: b.AcceptWider,
	})
	if err != nil {
		return nil, err
	}
	return &body[contract.Grant]{a.grantBody(ctx, g)}, nil
}

func (a *API) deny(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.cfg.Access.Deny(ctx, in.ID)
}

func (a *API) approvalBody(ctx context.Context, q *hub.Approval) contract.Approval {
	out := contract.Approval{
		ID: q.ID, App: q.App, AppName: q.AppName, AppKind: q.AppKind, Program: q.Program, User: q.Owner.User,
		Integration: q.Integration, IntegrationName: q.Integration, Connection: q.Connection, Choices: q.Choices,
		Limited: q.Scopes != nil, Audience: q.Audience, Relay: q.Relay, CreatedAt: q.CreatedAt, ExpiresAt: q.ExpiresAt,
	}
	if q.Owner.Shared {
		out.User = q.Owner.Organization
	}
	if out.Choices == nil {
		out.Choices = []hub.Choice{}
	}
	scopes := q.Scopes
	if c, err := a.cfg.Connections.Get(ctx, q.Connection); err == nil {
		account := accountLabel(c.Account)
		out.Account = &account
		if scopes == nil {
			scopes = c.Scopes
		}
	}
	var known []hub.Scope
	if e, err := a.cfg.Catalog.Get(ctx, q.Integration); err == nil {
		out.IntegrationName = e.Name()
		if e.Descriptor != nil {
			known, out.Narrows = e.Descriptor.Scopes, e.Descriptor.NarrowsScopes
		}
	}
	out.Scopes, out.Wider = inWords(scopes, known), inWords(q.Wider, known)
	return out
}

// inWords gives scopes the sentences that are known for them.
func inWords(names []string, known []hub.Scope) []hub.Scope {
	out := []hub.Scope{}
	for _, name := range names {
		s := hub.Scope{Name: name}
		for _, k := range known {
			if k.Name == name {
				s = k
			}
		}
		out = append(out, s)
	}
	return out
}
