// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Further bodies of the page (class ui):
//
//	GET  /ui/api/connections/{id}           ConnectionDetail
//	POST /ui/api/connections/{id}/refresh   {} → ConnectionDetail    (renews the token now)
//	POST /ui/api/connections/{id}/reveal    {} → Revealed            (the copy button; audited as token.reveal)
//	GET  /ui/api/diagnostics                Diagnostics

// ConnectionDetail is all that there is to tell of a connection.
type ConnectionDetail struct {
	Connection

	TokenType     string            `json:"token_type"`
	ExpirySource  hub.ExpirySource  `json:"expiry_source"`
	RefreshExpiry *time.Time        `json:"refresh_expires_at,omitempty"` // absent: not known
	Renewable     bool              `json:"renewable"`                    // there is a refresh token
	Generation    uint64            `json:"generation"`                   // counts every replacement of the token
	Metadata      map[string]string `json:"metadata"`                     // of the provider, such as instance_url; never secret
	Named         []NamedToken      `json:"named"`                        // further tokens of the same connection
	Config        map[string]string `json:"config"`                       // what was asked at the connect
	ClientID      string            `json:"client_id"`                    // of the OAuth client it was made with
	Apps          []ConnectionApp   `json:"apps"`                         // who may draw from it
	History       []Moment          `json:"history"`                      // the latest 50 tries to renew its tokens, newest first
}

// Moment is what became of a try to renew a token: it was renewed, or Code and
// Message say why not. Of failures in a row that are alike the first is told.
type Moment struct {
	Time    time.Time  `json:"time"`
	Cause   hub.Cause  `json:"cause"`
	Token   string     `json:"token,omitempty"` // name of a further token; absent: the main one
	Code    hub.Code   `json:"code,omitempty"`
	Reason  hub.Reason `json:"reason,omitempty"`  // with needs_reauthorization
	Message string     `json:"message,omitempty"` // what happened, in words
}

// NamedToken is a further token of a connection, such as Slack's user token,
// without the token.
type NamedToken struct {
	Name   string     `json:"name"`
	Scopes []string   `json:"scopes"`
	Expiry *time.Time `json:"expires_at,omitempty"`
	Reason hub.Reason `json:"reason,omitempty"` // why only the user can bring it back
	Remedy string     `json:"remedy,omitempty"`
}

// ConnectionApp is an app that may draw from a connection.
type ConnectionApp struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	All      bool       `json:"all"` // may draw from every connection
	LastUsed *time.Time `json:"last_used,omitempty"`
}

// Revealed is an access token for the person's clipboard.
type Revealed struct {
	AccessToken string     `json:"access_token"`
	ExpiresAt   *time.Time `json:"expires_at"`
	ClearAfter  int        `json:"clear_after"` // seconds until the page takes it out of the clipboard
}

// Diagnostics is a report that can be shown to strangers: it names no account,
// no app and no id, and no folder by its full path.
type Diagnostics struct {
	Text string `json:"text"`
}
