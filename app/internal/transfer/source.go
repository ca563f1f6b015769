// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxSource bounds what is read of a source, in bytes.
const maxSource = 64 << 20

// Item is a connection that a source has, or why it cannot be taken.
type Item struct {
	Name string // how to tell it from the others, without a secret
	Line        // what to import; unset with Err
	Err  error
}

// Line is a connection with its tokens: a line of an export, and what an import
// reads. The names are those of the Pipes API.
type Line struct {
	Integration    string     `json:"integration"`
	UserID         string     `json:"user_id,omitempty"` // empty with OrganizationID: the organization's own
	OrganizationID string     `json:"organization_id,omitempty"`
	AccessToken    string     `json:"access_token,omitempty"`
	RefreshToken   string     `json:"refresh_token,omitempty"`
	ExpiresAt      *time.Time `json:"expires_at,omitempty"`
	Scopes         []string   `json:"scopes,omitempty"`
	// Name is what the token is called where there are several, and Named are the
	// further ones, such as the user's beside the bot's.
	Name     string                `json:"name,omitempty"`
	Named    map[string]NamedToken `json:"named,omitempty"`
	Metadata map[string]string     `json:"metadata,omitempty"` // what the provider said beside the tokens
	State    hub.State             `json:"state,omitempty"`
	Config   map[string]string     `json:"config,omitempty"`

	// An import does not believe these, it asks the provider. But an account that
	// is connected already is refused before its refresh token is spent again.
	ID       string       `json:"id,omitempty"`
	Account  *hub.Account `json:"account,omitempty"`
	ClientID string       `json:"client_id,omitempty"` // to which the tokens were issued
}

// NamedToken is a further token of a connection.
type NamedToken struct {
	AccessToken  string     `json:"access_token,omitempty"`
	RefreshToken string     `json:"refresh_token,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	Scopes       []string   `json:"scopes,omitempty"`
}

// Read reads connections in the form in which Export writes them: one JSON
// object after the other, or an array of them. What is not JSON is an error of
// the whole; a connection that cannot be understood is one of its Item.
func Read(r io.Reader) ([]Item, error) {
	return each(r, func(n int, raw json.RawMessage) Item {
		it := Item{Name: fmt.Sprintf("connection %d", n)}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&it.Line); err != nil {
			it.Line, it.Err = Line{}, invalid("it is not of the expected form (%s)", shape(err))
			return it
		}
		if it.Account != nil {
			it.Name += ", " + it.Account.Label()
		}
		if it.State != "" && it.State != hub.StateConnected && it.State != hub.StateNeedsReauthorization {
			it.Err = invalid("the state %q cannot be imported", it.State)
		}
		return it
	})
}

// each calls read with every object of a stream of JSON: on its own, in an
// array, or in the array "connections" of an object.
func each(r io.Reader, read func(n int, raw json.RawMessage) Item) ([]Item, error) {
	var out []Item
	d := json.NewDecoder(io.LimitReader(r, maxSource))
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if len(out) == 0 && isBackup(raw) {
			return nil, invalid("this is a backup, which holds more than connections").
				WithRemedy("It is read by: standpipe restore FILE")
		}
		if err != nil {
			return nil, invalid("it is not JSON (%s)", shape(err))
		}
		for _, one := range unpack(raw) {
			out = append(out, read(len(out)+1, one))
		}
	}
}

// isBackup reports whether an object is the first line of a backup.
func isBackup(raw json.RawMessage) bool {
	var v struct {
		Format int `json:"standpipe_backup"`
	}
	return json.Unmarshal(raw, &v) == nil && v.Format > 0
}

func unpack(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var wrapped struct {
		Connections []json.RawMessage `json:"connections"`
	}
	if json.Unmarshal(raw, &wrapped) == nil && wrapped.Connections != nil {
		return wrapped.Connections
	}
	return []json.RawMessage{raw}
}

// shape says what is wrong with JSON without quoting it: it holds tokens.
func shape(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("at byte %d", e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("the field %q is of another type", e.Field)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends in the middle"
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return "a time is not in RFC 3339"
	}
	// "json: unknown field \"x\"": the name of a field is no secret.
	return err.Error()
}

func invalid(format string, args ...any) *hub.Error {
	return hub.Errorf(hub.CodeInvalid, format, args...)
}
