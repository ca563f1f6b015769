// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/sdk/secret"
)

// provider knows the account of each access token that lives, and what each
// refresh token gives; a refresh token works once.
type provider struct {
	accounts map[string]string
	renews   map[string]string
	can      []hub.Capability
	down     bool
	asked    []string
}

func newProvider() *provider {
	return &provider{
		accounts: map[string]string{"ada-1": "ada", "ada-2": "ada", "bob-1": "bob"},
		renews:   map[string]string{"ada-r": "ada-2", "bob-r": "bob-1"},
		can:      []hub.Capability{hub.CanIdentify, hub.CanRefresh},
	}
}

func (p *provider) Identify(_ context.Context, _ hub.Target, r hub.IdentifyRequest) (hub.Identity, error) {
	p.asked = append(p.asked, "identify "+r.AccessToken.Reveal())
	if p.down {
		return hub.Identity{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "down"}
	}
	who, ok := p.accounts[r.AccessToken.Reveal()]
	if !ok {
		return hub.Identity{}, &hub.ProviderError{Class: hub.ProviderReauthorize, Message: "bad credentials"}
	}
	return hub.Identity{Account: account(who), Scopes: []string{"from identity"}}, nil
}

func (p *provider) Refresh(_ context.Context, _ hub.Target, r hub.RefreshRequest) (hub.TokenAnswer, error) {
	token := r.RefreshToken.Reveal()
	p.asked = append(p.asked, "refresh "+token)
	if p.down {
		return hub.TokenAnswer{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "down"}
	}
	access, ok := p.renews[token]
	if !ok {
		return hub.TokenAnswer{}, &hub.ProviderError{Class: hub.ProviderReauthorize, Message: "invalid_grant"}
	}
	delete(p.renews, token)
	p.renews[token+"'"] = access
	return hub.TokenAnswer{RefreshToken: hub.RefreshRotated, Tokens: hub.TokenSet{
		AccessToken: secret.New(access), RefreshToken: secret.New(token + "'"), Expiry: now.Add(time.Hour), ExpirySource: hub.ExpiryDeclared,
	}}, nil
}

func account(login string) hub.Account {
	return hub.Account{Issuer: "https://acme", Subject: login, Login: login, PictureURL: "https://acme/" + login + ".png"}
}

func (p *provider) Resolve(_ context.Context, slug string, config map[string]string) (*hub.Resolved, error) {
	if slug != "acme" {
		return nil, hub.Errorf(hub.CodeNotFound, "there is no integration %q", slug)
	}
	return &hub.Resolved{
		Target: hub.Target{Provider: "acme", ClientID: "client", Config: config}, Scopes: []string{"read", "write"},
		Descriptor:  &hub.Descriptor{Slug: "acme", Name: "Acme", Capabilities: p.can},
		Integration: hub.Integration{Slug: "acme", Provider: "acme"}, RedirectURI: "http://127.0.0.1/callback/acme",
	}, nil
}

// room is a Desk with a provider and a store.
type room struct {
	*desk
	provider *provider
	conns    *hub.Connections
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{provider: newProvider(), conns: hub.NewConnections(memstore.New())}
	r.desk = newDesk(r.conns)
	r.cfg.Providers, r.cfg.Catalog = r.provider, r.provider
	return r
}

// all is every connection with its tokens, as text.
func (r *room) all(t *testing.T) []string {
	t.Helper()
	out := []string{}
	for c, err := range r.conns.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		s := fmt.Sprintf("%s %s", c.Account.Label(), c.State)
		if toks, err := r.conns.Tokens(t.Context(), c.ID); err == nil {
			s += fmt.Sprintf(" %s/%s", toks.Current.AccessToken.Reveal(), toks.Current.RefreshToken.Reveal())
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func tokens(access, refresh string, expires time.Duration) hub.Import {
	im := hub.Import{Integration: "acme", Owner: hub.Me, AccessToken: secret.New(access), RefreshToken: secret.New(refresh)}
	if expires != 0 {
		im.ExpiresAt = now.Add(expires)
	}
	return im
}

// TestImport is the table of what may come together, how it is tried, and what
// is then stored.
func TestImport(t *testing.T) {
	for _, c := range []struct {
		name     string
		im       hub.Import
		can      []hub.Capability
		down     bool
		code     hub.Code
		verified string
		asked    []string
		stored   []string
	}{
		{name: "an access token", im: tokens("ada-1", "", 0),
			verified: "identity", asked: []string{"identify ada-1"}, stored: []string{"ada connected ada-1/"}},
		{name: "an access token that expires, with a refresh token", im: tokens("ada-1", "ada-r", time.Hour),
			verified: "identity", asked: []string{"identify ada-1"}, stored: []string{"ada connected ada-1/ada-r"}},
		{name: "a refresh token", im: tokens("", "ada-r", 0),
			verified: "refresh", asked: []string{"refresh ada-r", "identify ada-2"}, stored: []string{"ada connected ada-2/ada-r'"}},
		{name: "both, and nobody knows how long", im: tokens("ada-1", "ada-r", 0),
			verified: "refresh", asked: []string{"identify ada-1", "refresh ada-r"}, stored: []string{"ada connected ada-2/ada-r'"}},
		{name: "expired, with a refresh token", im: tokens("ada-1", "ada-r", -time.Hour),
			verified: "refresh", asked: []string{"refresh ada-r", "identify ada-2"}, stored: []string{"ada connected ada-2/ada-r'"}},
		{name: "refused, with a refresh token", im: tokens("old", "ada-r", time.Hour),
			verified: "refresh", asked: []string{"identify old", "refresh ada-r", "identify ada-2"}, stored: []string{"ada connected ada-2/ada-r'"}},
		{name: "no identity, a refresh", im: tokens("ada-1", "ada-r", time.Hour), can: []hub.Capability{hub.CanRefresh},
			verified: "refresh", asked: []string{"refresh ada-r"}, stored: []string{"unknown account connected ada-2/ada-r'"}},
		{name: "one that needs its user", im: hub.Import{Integration: "acme", Owner: hub.Me, NeedsUser: true},
			stored: []string{"unknown account needs_reauthorization"}},

		{name: "expires without a refresh token", im: tokens("ada-1", "", time.Hour), code: hub.CodeUnprocessable},
		{name: "a time and nothing else", im: tokens("", "", time.Hour), code: hub.CodeUnprocessable},
		{name: "refused", im: tokens("old", "", 0), code: hub.CodeUnprocessable, asked: []string{"identify old"}},
		{name: "both refused", im: tokens("old", "old-r", time.Hour), code: hub.CodeUnprocessable, asked: []string{"identify old", "refresh old-r"}},
		{name: "not reached", im: tokens("ada-1", "ada-r", time.Hour), down: true, code: hub.CodeProviderUnavailable, asked: []string{"identify ada-1"}},
		{name: "no way to try", im: tokens("ada-1", "", 0), can: []hub.Capability{hub.CanRevoke}, code: hub.CodeUnprocessable},
		{name: "a refresh token where there are none", im: tokens("", "ada-r", 0), can: []hub.Capability{hub.CanIdentify}, code: hub.CodeUnprocessable},
		{name: "no integration", im: hub.Import{Integration: "other", Owner: hub.Me, AccessToken: secret.New("ada-1")}, code: hub.CodeNotFound},
		{name: "nobody's", im: hub.Import{Integration: "acme", AccessToken: secret.New("ada-1")}, code: hub.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRoom(t)
			r.provider.down = c.down
			if c.can != nil {
				r.provider.can = c.can
			}
			done, err := r.Import(t.Context(), "user", c.im)
			if c.code != "" {
				if hub.AsError(err).Code != c.code {
					t.Errorf("got %v, want %s", err, c.code)
				}
			} else if err != nil || done.Verified != c.verified || done.Renewed {
				t.Errorf("got %+v, %v", done, err)
			}
			if !slices.Equal(r.provider.asked, c.asked) {
				t.Errorf("asked %q, want %q", r.provider.asked, c.asked)
			}
			if c.stored == nil {
				c.stored = []string{}
			}
			if got := r.all(t); !slices.Equal(got, c.stored) {
				t.Errorf("stored %q, want %q", got, c.stored)
			}
			if len(c.stored) > 0 && (len(r.audited) == 0 || r.audited[0].Action != hub.AuditImport || len(r.events) != 1) {
				t.Errorf("audited %+v, events %+v", r.audited, r.events)
			}
		})
	}
}

func TestImportedConnection(t *testing.T) {
	r := newRoom(t)
	im := tokens("ada-1", "", 0)
	im.Scopes, im.Config = []string{"given"}, map[string]string{"k": "v"}
	first, err := r.Import(t.Context(), "app_1", im)
	if err != nil {
		t.Fatal(err)
	}
	c := first.Connection
	if !c.Compatibility || c.Owner != hub.Me || c.Provider != "acme" || c.ClientID != "" || !slices.Equal(c.Scopes, []string{"from identity"}) ||
		c.Config["k"] != "v" || !c.CreatedAt.Equal(now) || c.Generation != 1 || r.audited[0].App != "app_1" {
		t.Errorf("%+v", c)
	}
	second, err := r.Import(t.Context(), "user", tokens("bob-1", "bob-r", time.Hour))
	if err != nil || second.Connection.Compatibility || second.Connection.ClientID != "client" {
		t.Errorf("a second account: %+v, %v", second, err)
	}
}

// TestSameAccountGuard: an account is not connected twice, and no connection
// changes its account.
// album notes whose pictures are asked for.
type album []string

func (a *album) Fetch(c *hub.Connection, r *hub.Resolved) {
	*a = append(*a, c.ID+" "+r.Target.Provider+" "+c.Account.PictureURL)
}

// TestPictureOfAnImport: it is asked for once the connection is stored, also
// where it was there before, and of no import that failed.
func TestPictureOfAnImport(t *testing.T) {
	r := newRoom(t)
	var asked album
	r.cfg.Pictures = &asked
	again := tokens("ada-2", "", 0)
	again.Replace = true
	var id string
	for _, im := range []hub.Import{tokens("ada-1", "", 0), again} {
		out, err := r.Import(t.Context(), "user", im)
		if err != nil {
			t.Fatal(err)
		}
		id = out.Connection.ID
	}
	if _, err := r.Import(t.Context(), "user", tokens("nobody", "", 0)); err == nil {
		t.Fatal("a token that does not work was imported")
	}
	if want := id + " acme https://acme/ada.png"; !slices.Equal(asked, album{want, want}) {
		t.Errorf("asked for %q", asked)
	}
}

func TestSameAccountGuard(t *testing.T) {
	r := newRoom(t)
	first, err := r.Import(t.Context(), "user", tokens("ada-1", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	id := first.Connection.ID
	_, err = r.Import(t.Context(), "user", tokens("ada-2", "", 0))
	if e := hub.AsError(err); e == nil || e.Code != hub.CodeConflict || len(e.Choices) != 1 || e.Choices[0].Connection != id {
		t.Errorf("the same account again: %v", err)
	}
	if last := r.audited[len(r.audited)-1]; last.Decision != hub.AuditFailed || last.Code != hub.CodeConflict {
		t.Errorf("audited %+v", last)
	}
	hinted := tokens("", "ada-r", 0)
	hinted.Hint = account("ada")
	if _, err := r.Import(t.Context(), "user", hinted); hub.AsError(err).Code != hub.CodeConflict || slices.Contains(r.provider.asked, "refresh ada-r") {
		t.Errorf("the same account by its own word: %v, asked %v", err, r.provider.asked)
	}
	bob := tokens("bob-1", "", 0)
	bob.First = true
	if _, err := r.Import(t.Context(), "user", bob); hub.AsError(err).Code != hub.CodeConflict || len(r.provider.asked) != 2 {
		t.Errorf("where only a first one may be: %v, asked %v", err, r.provider.asked)
	}
	bob.First, bob.Connection = false, id
	if _, err := r.Import(t.Context(), "user", bob); hub.AsError(err).Code != hub.CodeAccountMismatch {
		t.Errorf("another account into a connection: %v", err)
	}
	bob.Connection = "none"
	if _, err := r.Import(t.Context(), "user", bob); hub.AsError(err).Code != hub.CodeNotFound {
		t.Errorf("into no connection: %v", err)
	}
	if got := r.all(t); !slices.Equal(got, []string{"ada connected ada-1/"}) {
		t.Fatalf("meanwhile stored %q", got)
	}
	again := tokens("ada-2", "", 0)
	again.Replace = true
	done, err := r.Import(t.Context(), "user", again)
	if err != nil || !done.Renewed || done.Connection.ID != id || !slices.Equal(r.all(t), []string{"ada connected ada-2/"}) {
		t.Errorf("replaced: %+v, %v, %q", done, err, r.all(t))
	}
	toks, err := r.conns.Tokens(t.Context(), id)
	if err != nil || toks.Generation != 2 {
		t.Errorf("tokens %+v, %v", toks, err)
	}
}

// TestUpdateWithoutTokens keeps the state and the tokens.
func TestUpdateWithoutTokens(t *testing.T) {
	r := newRoom(t)
	first, err := r.Import(t.Context(), "user", tokens("ada-1", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	im := hub.Import{Integration: "acme", Owner: hub.Me, Connection: first.Connection.ID, Scopes: []string{"fewer"}}
	done, err := r.Import(t.Context(), "user", im)
	if err != nil || done.Connection.State != hub.StateConnected || !slices.Equal(done.Connection.Scopes, im.Scopes) {
		t.Errorf("%+v, %v", done, err)
	}
	im.NeedsUser, im.Scopes = true, nil
	if _, err = r.Import(t.Context(), "user", im); err != nil {
		t.Fatal(err)
	}
	if got := r.all(t); !slices.Equal(got, []string{"ada needs_reauthorization ada-1/"}) {
		t.Errorf("stored %q", got)
	}
}

// TestImportWithoutAuditSpendsNothing: a refresh token is not used where the
// import could not be recorded.
func TestImportWithoutAuditSpendsNothing(t *testing.T) {
	r := newRoom(t)
	r.refuse = errors.New("no audit")
	if _, err := r.Import(t.Context(), "user", tokens("", "ada-r", 0)); !errors.Is(err, r.refuse) {
		t.Errorf("got %v", err)
	}
	if len(r.provider.asked) != 0 || len(r.all(t)) != 0 {
		t.Errorf("asked %v, stored %v", r.provider.asked, r.all(t))
	}
}

func TestExportAndImport(t *testing.T) {
	r := newRoom(t)
	for _, im := range []hub.Import{tokens("ada-1", "ada-r", time.Hour), tokens("bob-1", "", 0)} {
		if _, err := r.Import(t.Context(), "user", im); err != nil {
			t.Fatal(err)
		}
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	export := func(req hub.ExportRequest) ([]byte, error) {
		var buf bytes.Buffer
		if req.Recipients == nil {
			req.Recipients = []string{key.Recipient().String()}
		}
		err := r.Export(t.Context(), "user", req, &buf)
		return buf.Bytes(), err
	}
	for name, req := range map[string]hub.ExportRequest{
		"for nobody":       {All: true, Recipients: []string{}},
		"an unknown one":   {Connections: []string{"none"}},
		"nothing":          {},
		"not a recipients": {All: true, Recipients: []string{"age1x"}},
	} {
		if b, err := export(req); err == nil || len(b) != 0 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	r.audited = nil
	b, err := export(hub.ExportRequest{ID: "export_1", All: true, Move: true})
	if err != nil || bytes.Contains(b, []byte("ada-1")) {
		t.Fatalf("%v, or in the clear", err)
	}
	if len(r.audited) != 2 || r.audited[0].Action != hub.AuditExport || r.audited[0].Connection == "" {
		t.Errorf("audited %+v", r.audited)
	}
	if got := r.all(t); !strings.Contains(got[0], "needs_reauthorization") {
		t.Errorf("after the move: %q", got)
	}
	plain, err := age.Decrypt(bytes.NewReader(b), key)
	if err != nil {
		t.Fatal(err)
	}
	items, err := Read(plain)
	if err != nil || len(items) != 2 {
		t.Fatalf("%+v, %v", items, err)
	}
	// Into another hub.
	other := newRoom(t)
	for _, it := range items {
		im := hub.Import{Integration: it.Integration, Owner: hub.Owner{User: it.UserID, Organization: it.OrganizationID},
			AccessToken: secret.New(it.AccessToken), RefreshToken: secret.New(it.RefreshToken), Scopes: it.Scopes}
		if it.ExpiresAt != nil {
			im.ExpiresAt = *it.ExpiresAt
		}
		if it.Err != nil || it.State != hub.StateConnected {
			t.Errorf("%+v", it)
		}
		if _, err := other.Import(t.Context(), "user", im); err != nil {
			t.Error(err)
		}
	}
	if got := other.all(t); !slices.Equal(got, []string{"ada connected ada-1/ada-r", "bob connected bob-1/"}) {
		t.Errorf("in the other hub: %q", got)
	}
	// An export that fails takes nothing out of use.
	if _, err := r.Resume(t.Context(), "user", hub.ResumeRequest{All: true}); err != nil {
		t.Fatal(err)
	}
	before := r.all(t)
	full := errors.New("disk full")
	err = r.Export(t.Context(), "user", hub.ExportRequest{ID: "export_2", All: true, Move: true, Recipients: []string{key.Recipient().String()}}, failing{full})
	if !errors.Is(err, full) || !slices.Equal(r.all(t), before) {
		t.Errorf("%v; %q, was %q", err, r.all(t), before)
	}
}

// TestNamedTokens: the further tokens of a connection leave with an export and
// come in with an import, which tries them too.
func TestNamedTokens(t *testing.T) {
	r := newRoom(t)
	im := tokens("ada-1", "", time.Hour)
	im.ExpiresAt, im.Name, im.Metadata = time.Time{}, "bot", map[string]string{"team": "T1"}
	im.Named = map[string]hub.NamedToken{
		"user":    {AccessToken: secret.New("bob-1"), Scopes: []string{"search"}},
		"expired": {AccessToken: secret.New("old"), RefreshToken: secret.New("bob-r"), Expiry: now.Add(-time.Hour)},
		"refused": {AccessToken: secret.New("revoked")},
	}
	if _, err := r.Import(t.Context(), "user", im); err != nil {
		t.Fatal(err)
	}
	want := func(r *room) {
		t.Helper()
		for c, err := range r.conns.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			toks, err := r.conns.Tokens(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			set := &toks.Current
			user, expired, refused := set.Named["user"], set.Named["expired"], set.Named["refused"]
			switch {
			case set.AccessToken.Reveal() != "ada-1" || set.Name != "bot" || set.Metadata["team"] != "T1" || len(set.Named) != 3:
				t.Errorf("stored %+v", set)
			case user.AccessToken.Reveal() != "bob-1" || user.Reason != "" || !slices.Equal(user.Scopes, []string{"search"}):
				t.Errorf("the user's: %+v", user)
			case expired.AccessToken.Reveal() != "bob-1" || !strings.HasPrefix(expired.RefreshToken.Reveal(), "bob-r'") || !expired.Expiry.After(now) || expired.Reason != "":
				t.Errorf("renewed: %+v", expired)
			case refused.Reason == "":
				t.Errorf("refused: %+v", refused)
			}
		}
	}
	want(r)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := r.Export(t.Context(), "user", hub.ExportRequest{All: true, Recipients: []string{key.Recipient().String()}}, &buf); err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(&buf, key)
	if err != nil {
		t.Fatal(err)
	}
	items, err := Read(plain)
	if err != nil || len(items) != 1 || items[0].Err != nil {
		t.Fatalf("%+v, %v", items, err)
	}
	l := &items[0].Line
	again := hub.Import{Integration: l.Integration, Owner: hub.Me, AccessToken: secret.New(l.AccessToken), Name: l.Name, Metadata: l.Metadata, Named: map[string]hub.NamedToken{}}
	for name, n := range l.Named {
		k := hub.NamedToken{AccessToken: secret.New(n.AccessToken), RefreshToken: secret.New(n.RefreshToken), Scopes: n.Scopes}
		if n.ExpiresAt != nil {
			k.Expiry = *n.ExpiresAt
		}
		again.Named[name] = k
	}
	other := newRoom(t)
	if _, err := other.Import(t.Context(), "user", again); err != nil {
		t.Fatal(err)
	}
	want(other)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

var _ io.Writer = failing{}
