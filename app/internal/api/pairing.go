// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// pollEvery is how often a program should ask for its key, in seconds.
const pollEvery = 2

type pairInput struct {
	Body struct {
		Name   string              `json:"name" minLength:"1" maxLength:"64" doc:"What to call the program; the user sees that it says so itself"`
		Grants []contract.NewGrant `json:"grants,omitempty" maxItems:"20" doc:"What it would like to draw"`
	}
}

type pairOutput struct {
	Body struct {
		Object     string `json:"object" enum:"pairing"`
		Code       string `json:"code" doc:"Show it to the user, who finds the same one in Standpipe"`
		PollSecret string `json:"poll_secret" doc:"With it, and only with it, the key is collected"`
		ExpiresAt  stamp  `json:"expires_at"`
		Interval   int    `json:"interval" doc:"Seconds between two tries to collect the key"`
	}
}

// pair notes that a program wants a key. What it says of itself is shown, and
// decides nothing.
func (a *API) pair(ctx context.Context, in *pairInput) (*pairOutput, error) {
	req := hub.NewPairing{Name: in.Body.Name, Program: hub.PeerOf(ctx)}
	for _, g := range in.Body.Grants {
		req.Grants = append(req.Grants, a.grantOf(g))
	}
	p, secret, err := a.cfg.Access.Pair(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &pairOutput{}
	out.Body.Object, out.Body.Code, out.Body.PollSecret = "pairing", p.Code, secret
	out.Body.ExpiresAt, out.Body.Interval = stampOf(p.ExpiresAt), pollEvery
	return out, nil
}

type collectInput struct {
	Authorization string `header:"Authorization" doc:"Bearer <poll_secret>"`
	Prefer        string `header:"Prefer" doc:"wait=SECONDS (at most 30) waits for the user"`
	Body          struct{}
}

type collectOutput struct {
	Body struct {
		Object    string `json:"object" enum:"app_key"`
		Status    string `json:"status" enum:"pending,approved"`
		Interval  int    `json:"interval,omitempty" doc:"With pending: seconds until the next try"`
		AppID     string `json:"app_id,omitempty"`
		Key       string `json:"key,omitempty" doc:"With approved, this once"`
		ExpiresAt *stamp `json:"expires_at,omitempty" doc:"Of the key"`
	}
}

// collect hands a paired program its key, once.
func (a *API) collect(ctx context.Context, in *collectInput) (*collectOutput, error) {
	scheme, secret, _ := strings.Cut(in.Authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return nil, hub.Errorf(hub.CodeUnauthorized, "the request has no poll secret").
			WithRemedy("Send the header Authorization: Bearer <poll_secret>, as POST /apps/pair answered.")
	}
	app, key, err := a.cfg.Access.Collect(ctx, strings.TrimSpace(secret), waitOf(in.Prefer))
	if err != nil {
		return nil, err
	}
	out := &collectOutput{}
	out.Body.Object, out.Body.Status, out.Body.Interval = "app_key", "pending", pollEvery
	if app != nil {
		out.Body.Status, out.Body.Interval = "approved", 0
		out.Body.AppID, out.Body.Key, out.Body.ExpiresAt = app.ID, key, stampOrNull(app.ExpiresAt)
	}
	return out, nil
}

func (a *API) listPairings(ctx context.Context, _ *struct{}) (*body[contract.Pairings], error) {
	out := contract.Pairings{Pairings: []contract.Pairing{}}
	for _, p := range a.cfg.Access.Pairings(ctx) {
		b := contract.Pairing{
			Code: p.Code, Name: p.Name, Program: p.Program, Grants: []contract.Grant{}, Approved: p.Approved, CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
		}
		for i := range p.Grants {
			b.Grants = append(b.Grants, a.grantBody(ctx, &p.Grants[i]))
		}
		out.Pairings = append(out.Pairings, b)
	}
	return &body[contract.Pairings]{out}, nil
}

// ByCode is a request that names a pairing.
type ByCode struct {
	Code string `path:"code" maxLength:"32"`
}

func (a *API) approvePairing(ctx context.Context, in *struct {
	ByCode
	Body *contract.ApprovePairing
}) (*struct{}, error) {
	yes := hub.ApprovePairing{}
	if b := in.Body; b != nil {
		yes.Name, yes.ExpiresIn = b.Name, time.Duration(b.ExpiresIn)*time.Second
		if b.Grants != nil {
			grants, err := a.grants(ctx, *b.Grants)
			if err != nil {
				return nil, err
			}
			yes.Grants = grants
		}
	}
	return nil, a.cfg.Access.ApprovePairing(ctx, in.Code, yes)
}

func (a *API) denyPairing(ctx context.Context, in *ByCode) (*struct{}, error) {
	return nil, a.cfg.Access.DenyPairing(ctx, in.Code)
}
