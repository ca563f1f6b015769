// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

func (a *API) startFlow(ctx context.Context, in *body[contract.StartFlow]) (*body[contract.Flow], error) {
	initiator := hub.InitiatorUI
	if in.Body.ConfirmSelf {
		// Only the command line may finish without a confirmation: there, who
		// begins and who confirms are one.
		if ctx.Value(localKey{}) == nil {
			return nil, invalidField("confirm_self", "only the command line confirms by itself")
		}
		initiator = hub.InitiatorCLI
	}
	f, err := a.cfg.Flows.Start(ctx, hub.StartFlow{
		Integration: in.Body.Integration, Owner: hub.Me, Connection: in.Body.Connection, Config: in.Body.Config, Initiator: initiator,
		Device: in.Body.Device, Scopes: in.Body.Scopes,
	})
	return flowAnswer(f, err)
}

func (a *API) flow(ctx context.Context, in *ByID) (*body[contract.Flow], error) {
	return flowAnswer(a.cfg.Flows.Get(ctx, in.ID))
}

func (a *API) confirmFlow(ctx context.Context, in *struct {
	ByID
	Body contract.Confirm
}) (*body[contract.Flow], error) {
	by := hub.InitiatorUI
	if ctx.Value(localKey{}) != nil {
		if f, err := a.cfg.Flows.Get(ctx, in.ID); err == nil && f.Initiator == hub.InitiatorCLI {
			by = hub.InitiatorCLI
		}
	}
	return flowAnswer(a.cfg.Flows.Confirm(ctx, in.ID, by, in.Body.AcceptOtherAccount))
}

// pasteCallback takes the URL on which the browser ended where it cannot reach
// the hub.
func (a *API) pasteCallback(ctx context.Context, in *struct {
	ByID
	Body contract.Paste
}) (*body[contract.Flow], error) {
	return flowAnswer(a.cfg.Flows.Paste(ctx, in.ID, in.Body.URL))
}

func (a *API) answerPrompt(ctx context.Context, in *struct {
	ByID
	Prompt string `path:"prompt"`
	Body   contract.AnswerPrompt
}) (*body[contract.Flow], error) {
	answer := hub.PromptAnswer{Value: secret.New(in.Body.Value), Declined: in.Body.Decline}
	return flowAnswer(a.cfg.Flows.Answer(ctx, in.ID, in.Prompt, answer))
}

func (a *API) cancelFlow(ctx context.Context, in *ByID) (*struct{}, error) {
	return nil, a.cfg.Flows.Cancel(ctx, in.ID)
}

func flowAnswer(f *hub.Flow, err error) (*body[contract.Flow], error) {
	if err != nil {
		return nil, err
	}
	out := contract.Flow{
		ID: f.ID, Integration: f.Integration, Kind: f.Kind, RequestedScopes: orEmpty(f.Requested), State: contract.FlowState(f.State), AuthorizationURL: f.AuthorizationURL,
		ExpiresAt: f.ExpiresAt, Scopes: f.Scopes, MissingScopes: f.MissingScopes, Reauthorize: f.Reauthorize, Connection: f.Connection,
	}
	if d := f.Device; d != nil {
		out.Device = &contract.DeviceCode{
			UserCode: d.UserCode, VerificationURI: d.VerificationURI, VerificationURIComplete: d.VerificationURIComplete,
			Interval: int(d.Interval / time.Second), ExpiresAt: d.ExpiresAt,
		}
	}
	if f.Account != nil {
		l := accountLabel(*f.Account)
		out.Account = &l
	}
	if f.Replaces != nil {
		l := accountLabel(*f.Replaces)
		out.Replaces = &l
	}
	for _, p := range f.Prompts {
		out.Prompts = append(out.Prompts, contract.Prompt{ID: p.ID, Kind: p.Kind, Text: p.Text, Label: p.Label, Secret: p.Secret, URL: p.URL})
	}
	if f.Error != nil {
		e := errorBody(f.Error)
		out.Error = &e
	}
	return &body[contract.Flow]{out}, nil
}
