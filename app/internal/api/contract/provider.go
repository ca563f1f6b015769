// SPDX-License-Identifier: Apache-2.0

package contract

import "github.com/standpipe/standpipe/app/internal/hub"

// CustomProvider is a provider that is declared on the page: OAuth 2.0 or OpenID
// Connect without peculiarities. Addresses are absolute https URLs, and http
// ones too where PrivateNetwork is set.
type CustomProvider struct {
	Slug        string `json:"slug" maxLength:"63" doc:"Its short name, a part of the redirect URI; it cannot be changed"`
	Name        string `json:"name" maxLength:"100"`
	Description string `json:"description,omitempty" maxLength:"280"`

	Issuer       string   `json:"issuer,omitempty" maxLength:"2000" doc:"Its discovery document gives the addresses"`
	AuthorizeURL string   `json:"authorize_url,omitempty" maxLength:"2000"`
	TokenURL     string   `json:"token_url,omitempty" maxLength:"2000"`
	RevokeURL    string   `json:"revoke_url,omitempty" maxLength:"2000"`
	Hosts        []string `json:"hosts,omitempty" maxItems:"20" doc:"Further host:port that may be called, as the preview found them"`

	PrivateNetwork bool             `json:"private_network,omitempty" doc:"It is on this machine or in a private network"`
	NoPKCE         bool             `json:"no_pkce,omitempty"`
	ScopeSeparator string           `json:"scope_separator,omitempty" maxLength:"3" doc:"Empty: a space"`
	ClientAuth     string           `json:"client_auth,omitempty" enum:"body,basic,none" doc:"Empty: with an issuer as its metadata offers, else body"`
	SecretRequired bool             `json:"secret_required,omitempty"`
	RedirectHost   hub.RedirectHost `json:"redirect_host,omitempty" enum:"localhost,https" doc:"Empty: 127.0.0.1"`

	AuthorizeParams map[string]string `json:"authorize_params,omitempty"`
	TokenParams     map[string]string `json:"token_params,omitempty"`
	Scopes          []CustomScope     `json:"scopes,omitempty" maxItems:"100"`
	Identity        CustomIdentity    `json:"identity,omitzero"`
	PictureHosts    []string          `json:"picture_hosts,omitempty" maxItems:"20" doc:"Further hosts of accounts' pictures, such as images.example.com or *.example.com:8443"`
}

// CustomScope is a scope that is asked for.
type CustomScope struct {
	Name  string `json:"name" maxLength:"200"`
	Title string `json:"title,omitempty" maxLength:"200" doc:"What it allows"`
}

// CustomIdentity says whose a token is: URL is asked with the token, the others
// are paths in its answer, such as "data.0.id".
type CustomIdentity struct {
	URL     string `json:"url,omitempty" maxLength:"2000"`
	Subject string `json:"subject,omitempty" maxLength:"200"`
	Login   string `json:"login,omitempty" maxLength:"200"`
	Name    string `json:"name,omitempty" maxLength:"200"`
	Email   string `json:"email,omitempty" maxLength:"200"`
	Picture string `json:"picture,omitempty" maxLength:"200"`
}

// ProviderFile is a provider that was declared on the page, as a file to keep in
// the folder of declared providers. It holds no secret.
type ProviderFile struct {
	Name string `json:"name"` // "acme.hcl"
	Text string `json:"text"`
}

// Reloaded says what became of the files of declared providers when they were
// read again.
type Reloaded struct {
	Changed []string `json:"changed"` // slugs of providers that are new or different
	Removed []string `json:"removed"`
	// Problems are of the files; a provider whose file is wrong stays as it was.
	Problems []Notice `json:"problems"`
}

// ProviderPreview is what connecting would do.
type ProviderPreview struct {
	AuthorizationURL string   `json:"authorization_url"` // with names in the place of what is random
	RedirectURI      string   `json:"redirect_uri"`
	Hosts            []string `json:"hosts"` // host:port, all that will be called but for pictures
}

// Checked is a test of an integration, step by step.
type Checked struct {
	OK     bool    `json:"ok"` // no step failed
	Checks []Check `json:"checks"`
}

// Check is one step.
type Check struct {
	Step    hub.CheckStep   `json:"step" enum:"credentials,addresses,page,token"`
	Result  hub.CheckResult `json:"result" enum:"ok,failed,unclear,skipped"`
	Message string          `json:"message"`
	Remedy  string          `json:"remedy,omitempty"`
	Field   string          `json:"field,omitempty"`
}
