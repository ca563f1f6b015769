// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

func (a *API) login(ctx context.Context, in *body[contract.Login]) (*body[contract.LoggedIn], error) {
	token, expires, err := a.cfg.Sessions.Login(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &body[contract.LoggedIn]{contract.LoggedIn{Token: token, ExpiresAt: expires}}, nil
}

func (a *API) logout(ctx context.Context, in *struct {
	Token string `header:"Standpipe-Session"`
}) (*struct{}, error) {
	return nil, a.cfg.Sessions.Logout(ctx, in.Token)
}

// link makes a one-time link to the browser UI.
func (a *API) link(ctx context.Context, _ *struct{}) (*body[contract.Link], error) {
	if a.cfg.UI == "" {
		return nil, hub.Errorf(hub.CodeConflict, "this hub serves no browser UI; its window shows the page").
			WithRemedy("Start `standpipe serve` for the UI in a browser.")
	}
	entry := hub.AuditEntry{Time: a.cfg.Now(), Action: hub.AuditUILink, Decision: hub.AuditAllowed, App: user}
	if err := a.cfg.Auditor.Record(ctx, entry); err != nil {
		return nil, err
	}
	code, expires := a.cfg.Sessions.NewCode()
	return &body[contract.Link]{contract.Link{URL: "http://" + a.cfg.UI + "/#code=" + code, ExpiresAt: expires}}, nil
}
