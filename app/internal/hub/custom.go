// SPDX-License-Identifier: Apache-2.0

package hub

import "time"

// Custom is a provider that the user declared in the window: plain OAuth 2.0, or
// OpenID Connect. What needs more is declared in a file. It holds no secret.
type Custom struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Issuer is asked for what is not given of the endpoints. Either it or
	// AuthorizeURL and TokenURL are set.
	Issuer       string `json:"issuer,omitempty"`
	AuthorizeURL string `json:"authorize_url,omitempty"`
	TokenURL     string `json:"token_url,omitempty"`
	RevokeURL    string `json:"revoke_url,omitempty"` // RFC 7009; empty: the discovered one, or none
	// Hosts are host:port beside those of the addresses above that may be
	// called: where an issuer has endpoints elsewhere.
	Hosts           []string          `json:"hosts,omitempty"`
	PrivateNetwork  bool              `json:"private_network,omitempty"` // on this machine or in a private network
	NoPKCE          bool              `json:"no_pkce,omitempty"`
	ScopeSeparator  string            `json:"scope_separator,omitempty"` // empty: a space
	ClientAuth      string            `json:"client_auth,omitempty"`     // "body" (the default), "basic" or "none"
	SecretRequired  bool              `json:"secret_required,omitempty"`
	RedirectHost    RedirectHost      `json:"redirect_host,omitempty"`
	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
	TokenParams     map[string]string `json:"token_params,omitempty"`
	Scopes          []CustomScope     `json:"scopes,omitempty"`
	Identity        CustomIdentity    `json:"identity,omitzero"`
	// PictureHosts are hosts of accounts' pictures beside those above, with or
	// without a port; "*." stands for any name below.
	PictureHosts []string  `json:"picture_hosts,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// CustomScope is a scope that is asked for, with what it allows in words.
type CustomScope struct {
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
}

// CustomIdentity says how to learn whose a token is: from the answer of URL, a
// GET with the token, by paths such as "data.0.id". An issuer's ID token and
// userinfo endpoint need none of it.
type CustomIdentity struct {
	URL     string `json:"url,omitempty"`
	Subject string `json:"subject,omitempty"` // the account's immutable id
	Login   string `json:"login,omitempty"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
	Picture string `json:"picture,omitempty"` // an https URL
}

// Probe is what an address of a provider answered to a GET.
type Probe struct {
	Status   int
	Location string // of a redirect, which was not followed
	Body     []byte // cut where it is long
}
