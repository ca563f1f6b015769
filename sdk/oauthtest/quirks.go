// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Quirks are the ways in which a Server departs from the standards, each after
// a real provider. The zero value departs in none.
type Quirks struct {
	NoExpiresIn     bool // leaves expires_in out (Notion, Salesforce)
	StringExpiresIn bool // "expires_in": "3600" (PayPal)
	ErrorsIn200     bool // status 200 with an error in the body (GitHub, Slack)
	FormAnswers     bool // token answers as a form, whatever is accepted (old GitHub)
	// ScopeSeparator joins the scopes of an answer; empty: a space. GitHub: ",".
	ScopeSeparator string
	OmitScope      bool // leaves scope out of the answer
	// OnlyAuth takes one way of client authentication: "basic" or "body";
	// empty: either. Both at once are refused always.
	OnlyAuth string
	// AuthMethods is token_endpoint_auth_methods_supported, separated by spaces;
	// empty: the truth, "-": left out.
	AuthMethods string
	OnlyJSON    bool // takes token requests as JSON only (Notion)
	// CustomRevoke replaces RFC 7009 by DELETE /tokens with Basic
	// authentication and a JSON body {"access_token"} (GitHub's way).
	CustomRevoke bool
	// CallbackIssuer is the iss parameter of callbacks (RFC 9207); empty: the
	// server's own issuer, "-": none.
	CallbackIssuer string
	// MetadataIssuer is the issuer that the metadata names; empty: the true one.
	MetadataIssuer string
	// IDToken changes the claims of an id_token before it is signed.
	IDToken func(claims map[string]any)
	// UserinfoSubject replaces sub at the userinfo endpoint.
	UserinfoSubject string
}

// Fault is what an endpoint does instead of its work. The fields combine: a
// status with a Retry-After and an HTML body.
type Fault struct {
	Status      int           // zero: 200, or 400 where Code is set
	RetryAfter  time.Duration // whole seconds
	ContentType string
	Body        string
	Code        string // an OAuth error as JSON: "slow_down"
	Hang        bool   // holds the request until its client gives up
	// LoseAnswer does the work and then breaks the connection: an answer lost
	// on the wire.
	LoseAnswer bool
}

// HTMLErrorPage is what a proxy in front of a provider answers.
var HTMLErrorPage = Fault{
	Status: http.StatusBadGateway, ContentType: "text/html",
	Body: "<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1><p>access_token=none</p>",
}

// serve answers with the fault. It reports whether the work is to be done all
// the same (LoseAnswer).
func (f *Fault) serve(w http.ResponseWriter, r *http.Request, done <-chan struct{}) bool {
	if f.LoseAnswer {
		return true
	}
	if f.Hang {
		select {
		case <-r.Context().Done():
		case <-done:
		}
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	status := f.Status
	if f.Code != "" {
		if status == 0 {
			status = http.StatusBadRequest
		}
		writeJSON(w, status, map[string]any{"error": f.Code, "error_description": strings.ReplaceAll(f.Code, "_", " ")})
		return false
	}
	if status == 0 {
		status = http.StatusOK
	}
	if f.ContentType != "" {
		w.Header().Set("Content-Type", f.ContentType)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(f.Body))
	return false
}
