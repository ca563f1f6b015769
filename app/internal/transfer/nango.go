// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// nangoConnection is what Nango answers to "Get connection & credentials"
// (GET /connections/{connectionId}, https://nango.dev/docs/reference/backend/http-api/connections/get),
// as far as it is of use here. Connections of other kinds than OAuth 2 have
// other credentials.
type nangoConnection struct {
	ConnectionID string `json:"connection_id"`
	Integration  string `json:"provider_config_key"`
	Credentials  struct {
		Type         string     `json:"type"`
		AccessToken  string     `json:"access_token"`
		RefreshToken string     `json:"refresh_token"`
		ExpiresAt    *time.Time `json:"expires_at"`
		Raw          struct {
			Scope any `json:"scope"` // RFC 6749 section 5.1; some providers send a list
		} `json:"raw"`
	} `json:"credentials"`
	EndUser *struct {
		ID string `json:"id"`
	} `json:"end_user"`
	Tags map[string]string `json:"tags"`
}

// ReadNango reads connections as Nango answers them, one after the other or in
// an array. The integration is named as there; the user is Nango's end user, or
// else the connection's id.
func ReadNango(r io.Reader) ([]Item, error) {
	return each(r, func(n int, raw json.RawMessage) Item {
		it := Item{Name: fmt.Sprintf("connection %d", n)}
		var c nangoConnection
		if err := json.Unmarshal(raw, &c); err != nil {
			it.Err = invalid("it is not of the expected form (%s)", shape(err))
			return it
		}
		if c.ConnectionID != "" {
			it.Name = fmt.Sprintf("%s (%s)", c.ConnectionID, c.Integration)
		}
		switch {
		case c.Integration == "" || c.Credentials.Type == "":
			it.Err = invalid("it is no connection of Nango with its credentials")
			return it
		case c.Credentials.Type != "OAUTH2":
			it.Err = invalid("its credentials are of the kind %s; only OAUTH2 can be taken over", c.Credentials.Type)
			return it
		}
		it.Line = Line{
			Integration: c.Integration, UserID: c.ConnectionID,
			AccessToken: c.Credentials.AccessToken, RefreshToken: c.Credentials.RefreshToken, ExpiresAt: c.Credentials.ExpiresAt,
			Scopes: scopesOf(c.Credentials.Raw.Scope),
		}
		switch {
		case c.EndUser != nil && c.EndUser.ID != "":
			it.UserID = c.EndUser.ID
		case c.Tags["end_user_id"] != "":
			it.UserID = c.Tags["end_user_id"]
		}
		return it
	})
}

// scopesOf reads the scope of a token response; nil where there is none.
func scopesOf(v any) []string {
	switch v := v.(type) {
	case string:
		out := strings.FieldsFunc(v, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		if len(out) > 0 {
			return out
		}
	case []any:
		var out []string
		for _, s := range v {
			if s, ok := s.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
