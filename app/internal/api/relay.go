// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// Bounds of the request of a relayed call.
const (
	maxRelayBody     = 5 << 20
	relayBodyTimeout = time.Minute
)

// relayMethods are those that APIs are called with.
var relayMethods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// relayError has the shape and the codes of the Pipes contract for what it names;
// everything else is an error like any other.
type relayError struct {
	contract.Error
	Connection       string  `json:"connection,omitempty" doc:"With relay_authorization_required: the integration"`
	AuthorizationURL *string `json:"authorization_url" required:"false" doc:"Always null: authorize makes links"`
}

// relay is a call to a provider's API that the hub makes for an app: who asks →
// for whose account → may it → where to → the call.
func (a *API) relay(w http.ResponseWriter, r *http.Request) {
	if !slices.Contains(relayMethods, r.Method) {
		methodNotAllowed(relayMethods).ServeHTTP(w, r)
		return
	}
	entry, address, err := a.relayEntry(r)
	fail := func(err error) { a.writeRelayFailure(w, r, entry.Integration.Slug, err) }
	if err != nil {
		fail(err)
		return
	}
	call, err := a.relayCall(r, &entry, address)
	if err != nil {
		fail(err)
		return
	}
	a.cfg.Lock.Used()
	a.cfg.Relay.Serve(w, r, *call, fail)
}

// relayCall decides about a call, and draws its token.
func (a *API) relayCall(r *http.Request, entry *hub.Entry, address string) (*hub.RelayCall, error) {
	ctx, app := r.Context(), appOf(r.Context())
	slug := entry.Integration.Slug
	p := pick{user: r.Header.Get("X-Relay-User"), organization: r.Header.Get("X-Relay-Organization"), connection: r.Header.Get("X-Relay-Connection")}
	if app.Kind == hub.AppServer && p.user == "" {
		return nil, relayRefusal(http.StatusBadRequest, "relay_user_required", "a server's key acts for a user", "Name the user in X-Relay-User.")
	}
	req, err := a.selectRequest(ctx, app, slug, p)
	if err != nil {
		return nil, err
	}
	req.Relay = true
	sel, err := a.cfg.Access.Draw(ctx, &hub.DrawRequest{
		SelectRequest: req, Narrows: entry.Descriptor.NarrowsScopes, NarrowsAudience: entry.Descriptor.NarrowsAudience, Wait: waitOf(r.Header.Get("Prefer")),
	})
	if err != nil {
		return nil, a.refused(ctx, hub.AuditRelay, app.ID, slug, err)
	}
	call, err := a.drawRelay(ctx, r, address, app, sel)
	if err != nil {
		a.cfg.Access.GiveBack(app.ID, sel)
		return nil, inTheirWords(err, entry.Descriptor)
	}
	return call, nil
}

// drawRelay finds out where a call goes before it draws the token for it.
func (a *API) drawRelay(ctx context.Context, r *http.Request, address string, app *hub.App, sel hub.Selection) (*hub.RelayCall, error) {
	conn := sel.Connection
	resolved, err := a.cfg.Catalog.ResolveFor(ctx, conn)
	if err != nil {
		return nil, err
	}
	toks, err := a.cfg.Connections.Tokens(ctx, conn.ID)
	if err != nil {
		return nil, err
	}
	values := func(key string) string {
		if v := resolved.Target.Config[key]; v != "" {
			return v
		}
		return toks.Current.Metadata[key]
	}
	rest := ""
	if address == "" {
		rest = strings.TrimPrefix(r.URL.EscapedPath(), "/relay/"+r.PathValue("slug"))
		if r.URL.RawQuery != "" {
			rest += "?" + r.URL.RawQuery
		}
	}
	to, err := a.cfg.Relay.Target(resolved.Descriptor, values, resolved.Target.PrivateNetwork, address, rest)
	if err != nil {
		return nil, err
	}
	req := hub.VendRequest{
		Connection: conn.ID, Scopes: sel.Scopes, Audience: sel.Audience, Caller: app.ID, Rule: sel.Rule,
		Action: hub.AuditRelay, Subject: r.Method + " " + to.Host,
	}
	v, err := a.cfg.Tokens.Vend(ctx, req)
	if err != nil {
		return nil, err
	}
	return &hub.RelayCall{
		URL: to, Token: v.AccessToken, Private: resolved.Target.PrivateNetwork,
		Renew: func(ctx context.Context, refused secret.Value) secret.Value {
			req.Refused = refused
			if v, err := a.cfg.Tokens.Vend(ctx, req); err == nil {
				return v.AccessToken
			}
			return secret.Value{}
		},
	}, nil
}

// relayEntry is the integration that a call is for, and the address where the
// app names one.
func (a *API) relayEntry(r *http.Request) (hub.Entry, string, error) {
	slug, named, address := r.PathValue("slug"), r.Header.Get("X-Relay-Provider"), r.Header.Get("X-Relay-URL")
	switch {
	case slug != "" && (address != "" || named != "" && named != slug):
		return hub.Entry{}, "", relayRefusal(http.StatusBadRequest, "relay_provider_conflict", "path and headers name different things", "Name provider and address in one of the two ways.")
	case slug == "" && address == "":
		return hub.Entry{}, "", relayRefusal(http.StatusBadRequest, "relay_missing_url", "the address to call is missing", "Send it in X-Relay-URL, or call /relay/PROVIDER/PATH.")
	case slug == "":
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return hub.Entry{}, "", relayRefusal(http.StatusBadRequest, "relay_invalid_url", "the address in X-Relay-URL is no URL", "")
		}
		if slug = named; slug == "" {
			if slug, err = a.relayProvider(r.Context(), u); err != nil {
				return hub.Entry{}, "", err
			}
		}
	}
	entry, err := a.cfg.Catalog.Get(r.Context(), slug)
	switch {
	case err != nil && hub.AsError(err).Code == hub.CodeNotFound:
		return entry, "", relayRefusal(http.StatusNotFound, "relay_provider_not_found", "there is no such provider", "`standpipe providers` lists them.")
	case err != nil:
		return entry, "", err
	case !entry.Configured || entry.Descriptor == nil:
		return entry, "", relayRefusal(http.StatusNotFound, "relay_provider_not_configured", "the provider is not set up here", "Set it up in the window or in the configuration file.")
	}
	return entry, address, nil
}

// relayProvider is the only integration whose hosts an address is of.
func (a *API) relayProvider(ctx context.Context, u *url.URL) (string, error) {
	host := hub.HostPort(u)
	var found []string
	for _, e := range a.cfg.Catalog.List(ctx) {
		if e.Configured && e.Descriptor != nil && slices.Contains(e.Descriptor.AllowedHosts, host) {
			found = append(found, e.Integration.Slug)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", relayRefusal(http.StatusNotFound, "relay_provider_not_found", "no provider is known by the host of the address", "Name it in X-Relay-Provider.")
	}
	return "", relayRefusal(http.StatusBadRequest, "relay_provider_conflict", "several integrations are known by the host of the address: "+strings.Join(found, ", "), "Name one in X-Relay-Provider.")
}

// relayProblem is a refusal that the contract has a code of its own for.
type relayProblem struct {
	status int
	body   relayError
}

func (p *relayProblem) Error() string { return p.body.Message }

func relayRefusal(status int, code hub.Code, message, remedy string) error {
	return &relayProblem{status, relayError{Error: contract.Error{Code: code, Message: message, Remedy: remedy}}}
}

// writeRelayFailure answers for a call that was not made, or that brought no
// answer. slug is the integration's, as far as it is known.
func (a *API) writeRelayFailure(w http.ResponseWriter, r *http.Request, slug string, err error) {
	if p, ok := errors.AsType[*relayProblem](err); ok {
		writeJSON(w, p.status, p.body)
		return
	}
	e := hub.AsError(err)
	switch e.Code {
	case hub.CodeNotInstalled, hub.CodeNeedsReauthorization:
		body := relayError{Error: errorBody(e), Connection: slug}
		body.Code = "relay_authorization_required"
		writeJSON(w, http.StatusPaymentRequired, body)
	case hub.CodeProviderUnavailable, hub.CodeProviderRefused:
		a.logFailure(r.Context(), e)
		body := errorBody(e)
		body.Code = "relay_upstream_error"
		writeJSON(w, http.StatusBadGateway, body)
	default:
		a.writeFailure(w, r, err)
	}
}

// relayBody bounds a body that is passed on as it comes.
func relayBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxRelayBody {
			w.Header().Set("Connection", "close")
			writeError(w, http.StatusRequestEntityTooLarge, hub.Errorf(hub.CodeInvalid, "the request body is larger than %d MiB", maxRelayBody>>20))
			return
		}
		if r.ContentLength != 0 {
			c := http.NewResponseController(w)
			_ = c.SetReadDeadline(time.Now().Add(relayBodyTimeout))
			// After its end nothing may end the answer, which can be a long stream.
			lift := func() { _ = c.SetReadDeadline(time.Time{}) }
			defer lift()
			r.Body = &endingBody{ReadCloser: http.MaxBytesReader(w, r.Body, maxRelayBody), end: lift}
		}
		next.ServeHTTP(w, r)
	})
}

// endingBody tells of its end.
type endingBody struct {
	io.ReadCloser
	end func()
}

func (b *endingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

// refuseKeysInQuery is refuseQueryCredentials where the query is the provider's.
func refuseKeysInQuery(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, _ := url.QueryUnescape(r.URL.RawQuery)
		if r.URL.Query().Has("access_token") || strings.Contains(q, "sp_app_") || strings.Contains(q, "sp_key_") {
			writeError(w, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "keys do not belong into the URL, where logs keep them").
				WithRemedy("Send the header Authorization: Bearer <key>, and replace this key by a new one."))
			return
		}
		next.ServeHTTP(w, r)
	})
}
