// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

// call is one HTTP call to a provider.
type call struct {
	leg    Leg
	method string // empty: POST
	url    string
	header map[string]string
	format Format
	params map[string]string // the body; nil: none, or raw
	// resources are in the body too, each as a parameter of that name (RFC 8707).
	resources []string
	raw       string // a JSON body given as it is

	auth         ClientAuth // empty: no client authentication
	clientID     string
	clientSecret secret.Value
	bearer       secret.Value

	// secrets are what the call carries; none of them may show in an error.
	secrets []secret.Value
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	doc    document // nil: neither JSON object nor form
}

// do sends the call once. Its error is an *sdk.Error and means that there was
// no answer; what an answer says is for the caller to judge.
func (c *call) do(ctx context.Context, provider string) (*answer, error) {
	req, err := c.request(ctx)
	if err != nil {
		return nil, sdk.Misconfigured("", fmt.Sprintf("no request can be made to %s", provider))
	}
	resp, err := Client(ctx).Do(req)
	if err != nil {
		return nil, unreachable(provider, req.URL.Hostname(), err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, unreachable(provider, req.URL.Hostname(), err)
	}
	doc, _ := parseAnswer(resp.Header.Get("Content-Type"), body)
	return &answer{status: resp.StatusCode, header: resp.Header, doc: doc}, nil
}

func (c *call) request(ctx context.Context) (*http.Request, error) {
	params := maps.Clone(c.params)
	basic := false
	switch {
	case c.auth == "":
	case c.auth == AuthBasic && !c.clientSecret.IsZero():
		basic = true
	default:
		// An empty secret is never sent: servers take it for a wrong one.
		if params == nil {
			params = map[string]string{}
		}
		params["client_id"] = c.clientID
		if c.auth != AuthNone && !c.clientSecret.IsZero() {
			params["client_secret"] = c.clientSecret.Reveal()
		}
	}
	body, contentType, err := c.body(params)
	if err != nil {
		return nil, err
	}
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "standpipe")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	if basic {
		// RFC 6749 section 2.3.1: both are form-encoded before they become
		// user name and password.
		req.SetBasicAuth(url.QueryEscape(c.clientID), url.QueryEscape(c.clientSecret.Reveal()))
	}
	if !c.bearer.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.bearer.Reveal())
	}
	return req, nil
}

func (c *call) body(params map[string]string) (io.Reader, string, error) {
	switch {
	case c.raw != "":
		return strings.NewReader(c.raw), "application/json", nil
	case params == nil:
		return http.NoBody, "", nil
	case c.format == FormatJSON:
		b, err := json.Marshal(params)
		return bytes.NewReader(b), "application/json", err
	default:
		form := make(url.Values, len(params)+1)
		if len(c.resources) > 0 {
			form["resource"] = c.resources
		}
		for k, v := range params {
			form.Set(k, v)
		}
		return strings.NewReader(form.Encode()), "application/x-www-form-urlencoded", nil
	}
}

// carried lists every secret of the call.
func (c *call) carried() []secret.Value {
	return append([]secret.Value{c.clientSecret, c.bearer}, c.secrets...)
}

var errNoDocument = errors.New("neither a JSON object nor a form")
