// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"net/http"
	"net/url"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// Apps lists the programs that have a key.
func (c *Client) Apps(ctx context.Context) (out contract.Apps, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/apps", nil, &out)
}

// AddApp registers a program. The answer holds its key, a secret, this once.
func (c *Client) AddApp(ctx context.Context, in contract.AddApp) (out contract.AddedApp, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/apps", in, &out)
}

// RenameApp gives an app another name.
func (c *Client) RenameApp(ctx context.Context, id, name string) (out contract.App, err error) {
	return out, c.call(ctx, http.MethodPatch, appPath(id), contract.RenameApp{Name: name}, &out)
}

// RotateApp gives an app a new key. The answer holds it, a secret, this once.
func (c *Client) RotateApp(ctx context.Context, id string, in contract.RotateApp) (out contract.AddedApp, err error) {
	return out, c.call(ctx, http.MethodPost, appPath(id)+"/key", in, &out)
}

// RevokeApp ends an app's access, and tells what it drew that lives on.
func (c *Client) RevokeApp(ctx context.Context, id string) (out contract.Revoked, err error) {
	return out, c.call(ctx, http.MethodDelete, appPath(id), nil, &out)
}

// AddGrant lets an app draw something.
func (c *Client) AddGrant(ctx context.Context, id string, in contract.NewGrant) (out contract.Grant, err error) {
	return out, c.call(ctx, http.MethodPost, appPath(id)+"/grants", in, &out)
}

// WithdrawGrant ends a grant, and tells what was drawn by it that lives on.
func (c *Client) WithdrawGrant(ctx context.Context, id, grant string) (out contract.Revoked, err error) {
	return out, c.call(ctx, http.MethodDelete, appPath(id)+"/grants/"+url.PathEscape(grant), nil, &out)
}

func appPath(id string) string { return "/ui/api/apps/" + url.PathEscape(id) }

// Approvals lists the questions that wait for an answer.
func (c *Client) Approvals(ctx context.Context) (out contract.Approvals, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/approvals", nil, &out)
}

// Approve answers a question with yes.
func (c *Client) Approve(ctx context.Context, id string, in contract.Approve) (out contract.Grant, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/approvals/"+url.PathEscape(id)+"/approve", in, &out)
}

// Deny answers it with no.
func (c *Client) Deny(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/ui/api/approvals/"+url.PathEscape(id)+"/deny", struct{}{}, nil)
}

// Pairings lists the programs that ask for a key.
func (c *Client) Pairings(ctx context.Context) (out contract.Pairings, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/pairings", nil, &out)
}

// ApprovePairing lets the program with a code collect a key.
func (c *Client) ApprovePairing(ctx context.Context, code string, in contract.ApprovePairing) error {
	return c.call(ctx, http.MethodPost, "/ui/api/pairings/"+url.PathEscape(code)+"/approve", in, nil)
}

// DenyPairing refuses it.
func (c *Client) DenyPairing(ctx context.Context, code string) error {
	return c.call(ctx, http.MethodPost, "/ui/api/pairings/"+url.PathEscape(code)+"/deny", struct{}{}, nil)
}

// LockState says whether the hub is locked.
func (c *Client) LockState(ctx context.Context) (out contract.Lock, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/lock", nil, &out)
}

// Lock locks the hub.
func (c *Client) Lock(ctx context.Context) (out contract.Lock, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/lock", struct{}{}, &out)
}

// Unlock opens it again.
func (c *Client) Unlock(ctx context.Context, in contract.Unlock) (out contract.Lock, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/lock/unlock", in, &out)
}
