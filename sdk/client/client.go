// SPDX-License-Identifier: Apache-2.0

// Package client draws access tokens from the Standpipe hub of this machine.
//
//	c := client.New(client.Config{
//		Name: "my tool", Integration: "github",
//		ShowCode: func(code string) { fmt.Println("Approve", code, "in Standpipe") },
//	})
//	http := oauth2.NewClient(ctx, c.TokenSource(ctx))
//
// The hub is found by the file in which it says where it is, and has to prove
// that it wrote that file before a byte of the program's key is sent: whoever
// took its port while it was away gets nothing. A program without a key pairs:
// it shows a code, the user finds the same one in Standpipe and agrees. What
// the hub refuses is an *Error that says what happened and what mends it.
package client

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/standpipe/standpipe/sdk/secret"
)

// Config says who asks and for what.
type Config struct {
	// Name is what the user sees when the program pairs.
	Name string
	// Integration is the slug of what to draw from, such as "github".
	Integration string
	// Connection picks one of several accounts by its id; empty: the only one
	// that the program may draw from.
	Connection string
	// UserID is whose account it is. Server keys need it, others leave it empty.
	UserID string
	// Scopes limit the token; nil: as granted.
	Scopes []string
	// Audience is the one resource server (RFC 8707) that the token is to be
	// for; empty: as granted.
	Audience string
	// MinTTL is how long the token must live at least; the hub honours up to
	// half of a token's life.
	MinTTL time.Duration
	// Wait is how long a first draw waits for the user to allow it, at most 30 s.
	// Without it the answer is a ConsentRequired at once.
	Wait time.Duration

	// Key is the program's key. Zero: it is read from KeyFile.
	Key secret.Value
	// KeyFile keeps the key, with mode 0600; empty: standpipe.key in a folder
	// named after the program in the user's configuration folder.
	KeyFile string
	// ShowCode shows the code of a pairing to the user. Nil: a program without
	// a key does not pair, and fails.
	ShowCode func(code string)

	// Data is the hub's data folder; empty: $STANDPIPE_DATA, or the usual one.
	Data string
}

// Client draws tokens. It is safe for concurrent use.
type Client struct {
	cfg Config

	mu      sync.Mutex // one asks, the others share what came
	token   *oauth2.Token
	refused string // by the provider, which the hub is yet to be told
}

// New returns a client. Nothing is sent before the first token is asked for.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

// spare is how much life a cached token must have left.
const spare = 10 * time.Second

// unknownLife is how long a token whose expiry nobody knows is not asked for
// again. The hub answers from memory.
const unknownLife = time.Minute

// TokenSource returns the client as a source of tokens that asks with ctx. It
// asks the hub when the token that it has is about to expire.
func (c *Client) TokenSource(ctx context.Context) oauth2.TokenSource { return source{ctx, c} }

type source struct {
	ctx context.Context
	c   *Client
}

// Token implements oauth2.TokenSource.
func (s source) Token() (*oauth2.Token, error) { return s.c.Token(s.ctx) }

// Token returns a token that lives, from memory or from the hub. The error is
// an *Error where the hub refuses, ErrNoHub where none runs, and ErrStranger
// where something else has the hub's port.
func (c *Client) Token(ctx context.Context) (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && time.Until(c.token.Expiry) > max(spare, c.cfg.MinTTL) {
		return c.token, nil
	}
	h, err := Find(ctx, c.cfg.Data)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	key, err := c.key(ctx, h)
	if err != nil {
		return nil, err
	}
	token, err := c.draw(ctx, h, key)
	if err != nil {
		return nil, err
	}
	c.token, c.refused = token, ""
	return token, nil
}

// Refused says that the provider refused a token before its time. The next call
// of Token has the hub renew it, once for all who were refused the same one.
func (c *Client) Refused(accessToken string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && c.token.AccessToken == accessToken {
		c.token, c.refused = nil, accessToken
	}
}

type drawBody struct {
	UserID     string   `json:"user_id,omitempty"`
	Connection string   `json:"connected_account_id,omitempty"`
	Scopes     []string `json:"scopes,omitempty"`
	Audience   string   `json:"audience,omitempty"`
	MinTTL     int      `json:"min_ttl,omitempty"`
	Refused    string   `json:"refused_token,omitempty"`
}

type drawn struct {
	Active      bool
	Error       Code
	Reason      string
	Remedy      string
	AccessToken *struct {
		AccessToken string     `json:"access_token"`
		TokenType   string     `json:"token_type"`
		ExpiresAt   *time.Time `json:"expires_at"`
		Scopes      []string   `json:"scopes"`
		Connection  string     `json:"connected_account_id"`
		Metadata    map[string]string
	} `json:"access_token"`
}

func (c *Client) draw(ctx context.Context, h *Hub, key secret.Value) (*oauth2.Token, error) {
	header := http.Header{}
	if c.cfg.Wait > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%d", int(c.cfg.Wait.Seconds())))
	}
	var out drawn
	err := h.post(ctx, "/data-integrations/"+c.cfg.Integration+"/token", key, header, drawBody{
		UserID: c.cfg.UserID, Connection: c.cfg.Connection, Scopes: c.cfg.Scopes, Audience: c.cfg.Audience, MinTTL: int(c.cfg.MinTTL.Seconds()),
		Refused: c.refused,
	}, &out)
	if err != nil {
		return nil, err
	}
	if !out.Active || out.AccessToken == nil {
		return nil, &Error{Code: out.Error, Status: http.StatusOK, Reason: out.Reason, Remedy: out.Remedy, Message: inactive[out.Error]}
	}
	t := out.AccessToken
	token := &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: time.Now().Add(unknownLife)}
	if t.ExpiresAt != nil {
		token.Expiry = *t.ExpiresAt
		token.ExpiresIn = int64(time.Until(token.Expiry).Seconds())
	}
	extra := map[string]any{"scope": t.Scopes, "connected_account_id": t.Connection}
	for k, v := range t.Metadata {
		extra[k] = v
	}
	return token.WithExtra(extra), nil
}

// inactive puts the answers without a token into words.
var inactive = map[Code]string{
	NotInstalled:         "no account is connected that this program may draw from",
	NeedsReauthorization: "the connected account needs its user",
}
