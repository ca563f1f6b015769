// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// The methods below are the routes of package contract, one each.

// Hello is the version handshake.
func (c *Client) Hello(ctx context.Context) (out contract.Hello, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/hello", nil, &out)
}

// HubInfo says what the page is talking to.
func (c *Client) HubInfo(ctx context.Context) (out contract.Hub, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/hub", nil, &out)
}

// Accounts lists integrations and connections.
func (c *Client) Accounts(ctx context.Context) (out contract.Accounts, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/accounts", nil, &out)
}

// Integration returns one.
func (c *Client) Integration(ctx context.Context, slug string) (out contract.Integration, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/integrations/"+url.PathEscape(slug), nil, &out)
}

// SaveIntegration changes one.
func (c *Client) SaveIntegration(ctx context.Context, slug string, in contract.SaveIntegration) (out contract.Integration, err error) {
	return out, c.call(ctx, http.MethodPut, "/ui/api/integrations/"+url.PathEscape(slug), in, &out)
}

// CheckIntegration tries one as it would be after a change, and changes nothing.
func (c *Client) CheckIntegration(ctx context.Context, slug string, in contract.SaveIntegration) (out contract.Checked, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/integrations/"+url.PathEscape(slug)+"/check", in, &out)
}

// StartFlow begins to connect an account.
func (c *Client) StartFlow(ctx context.Context, in contract.StartFlow) (out contract.Flow, err error) {
	return out, c.call(ctx, http.MethodPost, "/ui/api/flows", in, &out)
}

// Flow returns a flow.
func (c *Client) Flow(ctx context.Context, id string) (out contract.Flow, err error) {
	return out, c.call(ctx, http.MethodGet, flowPath(id), nil, &out)
}

// ConfirmFlow accepts the account that came back.
func (c *Client) ConfirmFlow(ctx context.Context, id string, in contract.Confirm) (out contract.Flow, err error) {
	return out, c.call(ctx, http.MethodPost, flowPath(id)+"/confirm", in, &out)
}

// PasteCallback hands in the URL on which a browser ended that cannot reach
// the hub.
func (c *Client) PasteCallback(ctx context.Context, id string, in contract.Paste) (out contract.Flow, err error) {
	return out, c.call(ctx, http.MethodPost, flowPath(id)+"/callback", in, &out)
}

// AnswerPrompt answers what a plugin asks during a flow.
func (c *Client) AnswerPrompt(ctx context.Context, id, prompt string, in contract.AnswerPrompt) (out contract.Flow, err error) {
	return out, c.call(ctx, http.MethodPost, flowPath(id)+"/prompts/"+url.PathEscape(prompt), in, &out)
}

// CancelFlow ends a flow.
func (c *Client) CancelFlow(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, flowPath(id), nil, nil)
}

func flowPath(id string) string { return "/ui/api/flows/" + url.PathEscape(id) }

// Disconnect removes a connection and says what became of its tokens.
func (c *Client) Disconnect(ctx context.Context, id string, in contract.Disconnect) (out contract.Disconnected, err error) {
	return out, c.call(ctx, http.MethodDelete, "/ui/api/connections/"+url.PathEscape(id), in, &out)
}

// Token returns a live access token. It is a secret.
func (c *Client) Token(ctx context.Context, in contract.TokenRequest) (out contract.Token, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/token", in, &out)
}

// Link makes a one-time link to the browser UI. It is a secret.
func (c *Client) Link(ctx context.Context) (out contract.Link, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/links", nil, &out)
}

// Providers lists what the plugins serve.
func (c *Client) Providers(ctx context.Context) (out contract.Providers, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/providers", nil, &out)
}

// ReloadProviders has the hub read the files of declared providers again.
func (c *Client) ReloadProviders(ctx context.Context) (out contract.Reloaded, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/providers/reload", nil, &out)
}

// ProviderFile returns a provider that was declared in the window as a file.
func (c *Client) ProviderFile(ctx context.Context, slug string) (out contract.ProviderFile, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/providers/"+url.PathEscape(slug)+"/file", nil, &out)
}

// Activity lists who was given what, newest first.
func (c *Client) Activity(ctx context.Context, query url.Values) (out contract.Activity, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/activity?"+query.Encode(), nil, &out)
}

// CheckActivity checks the audit.
func (c *Client) CheckActivity(ctx context.Context) (out contract.AuditReport, err error) {
	return out, c.call(ctx, http.MethodGet, "/ui/api/activity/check", nil, &out)
}

// ExportActivity returns the audit as JSON lines, which the caller closes. A
// stream that ends with an error is not all of it.
func (c *Client) ExportActivity(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	resp, err := c.send(ctx, http.MethodGet, "/ui/api/activity/export?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// PluginLog yields what a plugin logs from now on, until ctx ends or the hub
// goes.
func (c *Client) PluginLog(ctx context.Context, plugin string) (iter.Seq[contract.PluginLine], error) {
	resp, err := c.send(ctx, http.MethodGet, "/local/plugins/"+url.PathEscape(plugin)+"/log", nil)
	if err != nil {
		return nil, err
	}
	return func(yield func(contract.PluginLine) bool) {
		defer resp.Body.Close()
		for dec := json.NewDecoder(resp.Body); ; {
			var l contract.PluginLine
			if dec.Decode(&l) != nil || !yield(l) {
				return
			}
		}
	}, nil
}

// RescanPlugins makes the hub look at the plugin folders again.
func (c *Client) RescanPlugins(ctx context.Context) (out contract.Providers, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/plugins/rescan", nil, &out)
}

// RotateKeys seals everything anew under a new data key.
func (c *Client) RotateKeys(ctx context.Context) (out contract.Rotation, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/keys/rotate", nil, &out)
}

// ChangeSource puts the vault under another master key.
func (c *Client) ChangeSource(ctx context.Context, in contract.ChangeSource) (out contract.Keys, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/keys/source", in, &out)
}

// NewRecoveryKey makes a recovery key, which is shown this once.
func (c *Client) NewRecoveryKey(ctx context.Context) (out contract.RecoveryKey, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/keys/recovery", nil, &out)
}

// Compact copies what is alive into a new store.
func (c *Client) Compact(ctx context.Context) (out contract.Compaction, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/compact", nil, &out)
}

// Lost is what a reset of lost keys left to reconnect.
func (c *Client) Lost(ctx context.Context) (out contract.Lost, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/lost", nil, &out)
}

// ForgetLost gives that up.
func (c *Client) ForgetLost(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/local/lost", nil, nil)
}

// Doctor checks everything.
func (c *Client) Doctor(ctx context.Context) (out contract.Diagnosis, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/doctor", nil, &out)
}

// Keys tells where the master key comes from.
func (c *Client) Keys(ctx context.Context) (out contract.Keys, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/keys", nil, &out)
}
