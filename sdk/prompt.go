// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"

	"github.com/standpipe/standpipe/sdk/internal/protocol"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Question asks the user for a value during a connect.
type Question struct {
	Text   string // what is wanted and why, in a sentence or two
	Label  string // of the field: "One-time code"
	Secret bool   // hide it while it is typed
}

// Show puts a message before the user who is connecting an account, and does
// not wait. Like Ask and OpenURL it works within Exchange and Identify, through
// the host, in window, browser and command line alike; the user sees it as the
// plugin's words. Where nobody can be asked (during a refresh, or for the end
// user of a connect link) the error is CodeUnsupported.
func Show(ctx context.Context, text string) error {
	_, err := prompt(ctx, promptRequest{Kind: "message", Text: text})
	return err
}

// Ask waits for a value from the user. CodeUserDenied says that the user does
// not want to give it; ctx ends when the attempt to connect does. The time that
// the user takes does not count against the call. A value that the provider
// always needs belongs into the descriptor's Config instead, where it is asked
// for before the browser opens.
func Ask(ctx context.Context, q Question) (secret.Value, error) {
	return prompt(ctx, promptRequest{Kind: "ask", Text: q.Text, Label: q.Label, Secret: q.Secret})
}

// OpenURL asks the user to look at a page, at one of the provider's hosts, and
// waits until the user comes back from it.
func OpenURL(ctx context.Context, url, text string) error {
	_, err := prompt(ctx, promptRequest{Kind: "open", Text: text, URL: url})
	return err
}

type promptRequest struct {
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Label  string `json:"label,omitempty"`
	Secret bool   `json:"secret,omitempty"`
	URL    string `json:"url,omitempty"`
}

// prompt asks the host on the socket of the call (docs/plugin-protocol.md).
func prompt(ctx context.Context, p promptRequest) (secret.Value, error) {
	d, ok := protocol.DialOf(ctx)
	if !ok {
		return secret.Value{}, Unsupported("nobody can be asked: there is no host")
	}
	body, err := json.Marshal(p)
	if err != nil {
		return secret.Value{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://standpipe/prompt", bytes.NewReader(body))
	if err != nil {
		return secret.Value{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.Ticket.Reveal())
	host := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", d.Socket)
		},
	}
	resp, err := host.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil {
			return secret.Value{}, ctx.Err()
		}
		return secret.Value{}, Temporary("the user could not be asked: the host does not answer")
	}
	defer func() { _ = resp.Body.Close() }()
	var answer struct {
		Value    string `json:"value"`
		Declined bool   `json:"declined"`
		Error    string `json:"error"`
	}
	// An older host answers a prompt as it answers whatever is no CONNECT.
	parsed := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer) == nil
	switch {
	case resp.StatusCode == http.StatusOK && parsed && answer.Declined:
		return secret.Value{}, UserDenied("the user declined")
	case resp.StatusCode == http.StatusOK && parsed:
		return secret.New(answer.Value), nil
	case resp.StatusCode == http.StatusBadRequest && parsed:
		return secret.Value{}, &Error{Code: CodePluginBug, Message: "the host refuses the prompt: " + answer.Error}
	}
	return secret.Value{}, Unsupported("nobody can be asked during this call")
}
