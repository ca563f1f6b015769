// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// The stored forms of connections and tokens. They only grow: a field is never
// given another meaning within a version.

const recordVersion = 1

type connectionRecord struct {
	Version int `json:"v"`
	Connection
}

// tokenSetRecord is a TokenSet with its secrets revealed: what goes into the
// sealed store, and nowhere else.
type tokenSetRecord struct {
	Version       int                    `json:"v,omitempty"`
	AccessToken   string                 `json:"access_token"`
	RefreshToken  string                 `json:"refresh_token,omitempty"`
	IDToken       string                 `json:"id_token,omitempty"`
	TokenType     string                 `json:"token_type,omitempty"`
	IssuedAt      time.Time              `json:"issued_at"`
	Expiry        time.Time              `json:"expiry,omitzero"`
	ExpirySource  ExpirySource           `json:"expiry_source,omitempty"`
	RefreshExpiry time.Time              `json:"refresh_expiry,omitzero"`
	Scopes        []string               `json:"scopes"` // null and [] differ
	Name          string                 `json:"name,omitempty"`
	Named         map[string]namedRecord `json:"named,omitempty"`
	Metadata      map[string]string      `json:"metadata,omitempty"`
}

type namedRecord struct {
	AccessToken  string       `json:"access_token"`
	RefreshToken string       `json:"refresh_token,omitempty"`
	Expiry       time.Time    `json:"expiry,omitzero"`
	ExpirySource ExpirySource `json:"expiry_source,omitempty"`
	Scopes       []string     `json:"scopes"`
	IssuedAt     time.Time    `json:"issued_at,omitzero"`
	Generation   uint64       `json:"generation,omitempty"`
	Asked        time.Time    `json:"asked,omitzero"`
	Reason       Reason       `json:"reason,omitempty"`
}

type tokensRecord struct {
	Version    int             `json:"v"`
	Generation uint64          `json:"generation"`
	Current    tokenSetRecord  `json:"current"`
	Previous   *tokenSetRecord `json:"previous,omitempty"`
	RotatedAt  time.Time       `json:"rotated_at,omitzero"`
	Intent     *RefreshIntent  `json:"intent,omitempty"`
	Authorized time.Time       `json:"authorized,omitzero"`
}

// EncodeTokenSet returns the stored form of a token set, with its secrets in
// clear: for a record of the sealed store and nothing else.
func EncodeTokenSet(t TokenSet) ([]byte, error) {
	r := revealSet(&t)
	r.Version = recordVersion
	return json.Marshal(r)
}

// DecodeTokenSet is the reverse of EncodeTokenSet.
func DecodeTokenSet(rec Record) (TokenSet, error) {
	var r tokenSetRecord
	if err := decode(rec, &r, func() int { return r.Version }); err != nil {
		return TokenSet{}, err
	}
	return r.conceal(), nil
}

func encodeConnection(c *Connection) ([]byte, error) {
	return json.Marshal(connectionRecord{recordVersion, *c})
}

func decodeConnection(rec Record) (*Connection, error) {
	var r connectionRecord
	if err := decode(rec, &r, func() int { return r.Version }); err != nil {
		return nil, err
	}
	r.Generation = rec.Generation
	return &r.Connection, nil
}

func encodeTokens(t *Tokens) ([]byte, error) {
	r := tokensRecord{
		Version: recordVersion, Generation: t.Generation, Current: revealSet(&t.Current),
		RotatedAt: t.RotatedAt, Intent: t.Intent, Authorized: t.Authorized,
	}
	if t.Previous != nil {
		p := revealSet(t.Previous)
		r.Previous = &p
	}
	return json.Marshal(r)
}

func decodeTokens(rec Record) (*Tokens, error) {
	var r tokensRecord
	if err := decode(rec, &r, func() int { return r.Version }); err != nil {
		return nil, err
	}
	t := &Tokens{
		Connection: rec.ID, Generation: r.Generation, Revision: rec.Generation, Current: r.Current.conceal(),
		RotatedAt: r.RotatedAt, Intent: r.Intent, Authorized: r.Authorized,
	}
	if r.Previous != nil {
		p := r.Previous.conceal()
		t.Previous = &p
	}
	return t, nil
}

// decode unmarshals a record whose version must be ours. Its errors hold
// nothing of the content.
func decode(rec Record, into any, version func() int) error {
	if err := json.Unmarshal(rec.Value, into); err != nil {
		return &IntegrityError{Ref: rec.Ref, Detail: "not in the expected form"}
	}
	if v := version(); v != recordVersion {
		return OtherFormat(fmt.Sprintf("the %s record %q", rec.Kind, rec.ID), v, recordVersion)
	}
	return nil
}

func revealSet(t *TokenSet) tokenSetRecord {
	r := tokenSetRecord{
		AccessToken: t.AccessToken.Reveal(), RefreshToken: t.RefreshToken.Reveal(), IDToken: t.IDToken.Reveal(),
		TokenType: t.TokenType, IssuedAt: t.IssuedAt, Expiry: t.Expiry, ExpirySource: t.ExpirySource,
		RefreshExpiry: t.RefreshExpiry, Scopes: t.Scopes, Name: t.Name, Metadata: t.Metadata,
	}
	for name, n := range t.Named {
		if r.Named == nil {
			r.Named = map[string]namedRecord{}
		}
		r.Named[name] = namedRecord{
			AccessToken: n.AccessToken.Reveal(), RefreshToken: n.RefreshToken.Reveal(),
			Expiry: n.Expiry, ExpirySource: n.ExpirySource, Scopes: n.Scopes,
			IssuedAt: n.IssuedAt, Generation: n.Generation, Asked: n.Asked, Reason: n.Reason,
		}
	}
	return r
}

func (r *tokenSetRecord) conceal() TokenSet {
	t := TokenSet{
		AccessToken: secret.New(r.AccessToken), RefreshToken: secret.New(r.RefreshToken), IDToken: secret.New(r.IDToken),
		TokenType: r.TokenType, IssuedAt: r.IssuedAt, Expiry: r.Expiry, ExpirySource: r.ExpirySource,
		RefreshExpiry: r.RefreshExpiry, Scopes: r.Scopes, Name: r.Name, Metadata: r.Metadata,
	}
	for name, n := range r.Named {
		if t.Named == nil {
			t.Named = map[string]NamedToken{}
		}
		t.Named[name] = NamedToken{
			AccessToken: secret.New(n.AccessToken), RefreshToken: secret.New(n.RefreshToken),
			Expiry: n.Expiry, ExpirySource: n.ExpirySource, Scopes: n.Scopes,
			IssuedAt: n.IssuedAt, Generation: n.Generation, Asked: n.Asked, Reason: n.Reason,
		}
	}
	return t
}

func sortByAge(list []*Connection) {
	slices.SortFunc(list, func(a, b *Connection) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}
