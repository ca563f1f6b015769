// SPDX-License-Identifier: Apache-2.0

package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// The bodies of the Pipes contract. Unknown fields in a request are accepted,
// as the original does; fields beyond the contract are marked as ours.

// stamp is a time on the wire: ISO 8601 with milliseconds, UTC.
type stamp = string

func stampOf(t time.Time) stamp {
	t = t.UTC()
	// RFC 3339 without a fraction is several times as fast as any other layout.
	b := t.AppendFormat(make([]byte, 0, len("2006-01-02T15:04:05.000Z")), time.RFC3339)
	ms := t.Nanosecond() / int(time.Millisecond)
	b = append(b[:len(b)-1], '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
	return string(b)
}

func stampOrNull(t time.Time) *stamp {
	if t.IsZero() {
		return nil
	}
	s := stampOf(t)
	return &s
}

type vendInput struct {
	Slug   string `path:"slug" maxLength:"64" doc:"The integration"`
	Prefer string `header:"Prefer" doc:"Ours: wait=SECONDS (at most 30) waits for the user where a first draw needs consent"`
	Body   vendBody
}

type vendBody struct {
	_                           struct{} `additionalProperties:"true"`
	UserID                      *string  `json:"user_id,omitempty" maxLength:"256" doc:"Whose account. Required for server keys; for app keys absent or \"me\""`
	OrganizationID              *string  `json:"organization_id,omitempty" maxLength:"256"`
	ConnectedAccountID          *string  `json:"connected_account_id,omitempty" maxLength:"128" doc:"Selects one of several"`
	ConnectionOwner             *string  `json:"connection_owner,omitempty" enum:"user,organization"`
	SupportsMultipleConnections *bool    `json:"supports_multiple_connections,omitempty"`
	Scopes                      []string `json:"scopes,omitempty" maxItems:"100" doc:"Ours: limit the token to these, where the provider can; the answer says which it has. Absent: as granted"`
	Audience                    *string  `json:"audience,omitempty" maxLength:"512" doc:"Ours: the one resource server (RFC 8707) that the token is to be for; absent: as granted"`
	Token                       *string  `json:"token,omitempty" maxLength:"64" doc:"Ours: which of the connection's tokens, where it has several (Slack: bot, user); the main one by default"`
	RefusedToken                *string  `json:"refused_token,omitempty" maxLength:"65536" doc:"Ours: the access token that the provider just refused. If it is still the current one, it is renewed before the answer"`
	MinTTL                      *int     `json:"min_ttl,omitempty" minimum:"0" maximum:"86400" doc:"Ours: seconds that the token must live at least; at most half its life is honoured"`
}

// accessToken is the vended token.
type accessToken struct {
	Object        string   `json:"object" enum:"access_token"`
	AccessToken   string   `json:"access_token"`
	ExpiresAt     *stamp   `json:"expires_at" doc:"null: it does not expire, or nobody knows; expiry_source tells"`
	Scopes        []string `json:"scopes"`
	MissingScopes []string `json:"missing_scopes" doc:"Configured on the integration, absent from the grant"`
	Additions
}

// Additions are ours, beyond the contract.
type Additions struct {
	TokenType        string            `json:"token_type"`
	ExpirySource     hub.ExpirySource  `json:"expiry_source,omitempty" doc:"Ours: declared, assumed, jwt, introspected or never"`
	ConnectedAccount string            `json:"connected_account_id" doc:"Ours: which connection this is"`
	Audience         string            `json:"audience,omitempty" doc:"Ours: the one resource server (RFC 8707) that the token is for"`
	Metadata         map[string]string `json:"metadata,omitempty" doc:"Ours: instance_url and the like"`
	Warning          string            `json:"warning,omitempty" doc:"Ours: an early refresh failed; the token is still valid"`
}

// Inactive is the answer for a connection that cannot vend.
type Inactive struct {
	Active bool       `json:"active"`
	Error  hub.Code   `json:"error,omitempty" enum:"not_installed,needs_reauthorization"`
	Reason hub.Reason `json:"reason,omitempty" doc:"Ours: why, with needs_reauthorization"`
	Remedy string     `json:"remedy,omitempty" doc:"Ours: what the user can do"`
}

type tokenOutput struct {
	Body struct {
		Inactive
		AccessToken *accessToken `json:"access_token,omitempty"`
	}
}

type credentialOutput struct {
	Body struct {
		Inactive
		Credential *credential `json:"credential,omitempty"`
	}
}

type credential struct {
	Object        string            `json:"object" enum:"credential"`
	AuthMethod    string            `json:"auth_method" enum:"oauth"`
	Value         string            `json:"value"`
	ExpiresAt     *stamp            `json:"expires_at"`
	Scopes        []string          `json:"scopes"`
	MissingScopes []string          `json:"missing_scopes"`
	Config        map[string]string `json:"config" doc:"Declared non-secret values"`
	Additions
}

// ConnectedAccount is a connection in the contract's shape.
type ConnectedAccount struct {
	Object             string            `json:"object" enum:"connected_account"`
	ID                 string            `json:"id"`
	ConnectionRole     string            `json:"connection_role" enum:"compatibility,standard"`
	AccountIdentifier  *string           `json:"account_identifier"`
	AccountDisplayName *string           `json:"account_display_name"`
	UserID             *string           `json:"user_id"`
	OrganizationID     *string           `json:"organization_id"`
	Scopes             []string          `json:"scopes"`
	AuthMethod         string            `json:"auth_method" enum:"oauth"`
	APIKeyLast4        *string           `json:"api_key_last_4"`
	Config             map[string]string `json:"config"`
	State              hub.State         `json:"state" enum:"connected,needs_reauthorization,disconnected"`
	Reason             hub.Reason        `json:"reason,omitempty" doc:"Ours: why, with needs_reauthorization"`
	Remedy             string            `json:"remedy,omitempty" doc:"Ours: what the user can do"`
	CreatedAt          stamp             `json:"created_at"`
	UpdatedAt          stamp             `json:"updated_at"`
}

// nestedAccount adds the deprecated spellings that a nested account carries.
type nestedAccount struct {
	ConnectedAccount
	UserlandUserID  *string `json:"userland_user_id" deprecated:"true"`
	UserlandUserID2 *string `json:"userlandUserId" deprecated:"true"`
	OrganizationID2 *string `json:"organizationId" deprecated:"true"`
	CreatedAt2      stamp   `json:"createdAt" deprecated:"true"`
	UpdatedAt2      stamp   `json:"updatedAt" deprecated:"true"`
}

type dataProvider struct {
	Object            string          `json:"object" enum:"data_provider"`
	ID                string          `json:"id"`
	Name              string          `json:"name"`
	Description       *string         `json:"description"`
	Slug              string          `json:"slug"`
	IntegrationType   string          `json:"integration_type"`
	IntegrationType2  string          `json:"integrationType" deprecated:"true"`
	CredentialsType   string          `json:"credentials_type"`
	CredentialsType2  string          `json:"credentialsType" deprecated:"true"`
	Scopes            []string        `json:"scopes"`
	AuthMethods       []string        `json:"auth_methods"`
	ConnectionOwner   string          `json:"connection_owner" enum:"user,organization"`
	Ownership         string          `json:"ownership" enum:"userland_user,organization" deprecated:"true"`
	CreatedAt         stamp           `json:"created_at"`
	UpdatedAt         stamp           `json:"updated_at"`
	CreatedAt2        stamp           `json:"createdAt" deprecated:"true"`
	UpdatedAt2        stamp           `json:"updatedAt" deprecated:"true"`
	ConnectedAccount  *nestedAccount  `json:"connected_account"`
	ConnectedAccounts []nestedAccount `json:"connected_accounts"`
}

// TransformSchema implements huma.SchemaTransformer: huma has no words for an
// object that may be null.
func (dataProvider) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	const name = "connected_account"
	s.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{s.Properties[name], {Type: "null"}}}
	return s
}

type providersOutput struct {
	Body struct {
		Object string         `json:"object" enum:"list"`
		Data   []dataProvider `json:"data"`
	}
}

func accountOf(c *hub.Connection) ConnectedAccount {
	out := ConnectedAccount{
		Object: "connected_account", ID: c.ID, ConnectionRole: "standard",
		AccountIdentifier: orNull(c.Account.Subject), AccountDisplayName: orNull(c.Account.Label()),
		UserID: orNull(c.Owner.User), OrganizationID: orNull(c.Owner.Organization),
		Scopes: orEmpty(c.Scopes), AuthMethod: "oauth", Config: c.Config, State: c.State,
		CreatedAt: stampOf(c.CreatedAt), UpdatedAt: stampOf(c.UpdatedAt),
	}
	if c.Compatibility {
		out.ConnectionRole = "compatibility"
	}
	if out.Config == nil {
		out.Config = map[string]string{}
	}
	if c.State == hub.StateNeedsReauthorization {
		out.Reason, out.Remedy = c.Reason, c.Reason.Remedy()
	}
	return out
}

func nestedOf(c *hub.Connection) nestedAccount {
	a := accountOf(c)
	return nestedAccount{
		ConnectedAccount: a, UserlandUserID: a.UserID, UserlandUserID2: a.UserID,
		OrganizationID2: a.OrganizationID, CreatedAt2: a.CreatedAt, UpdatedAt2: a.UpdatedAt,
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// deref is the value of an optional field, or its zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
