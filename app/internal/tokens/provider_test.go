// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// provider is a strict authorization server: refresh tokens are used once, and
// using one twice ends everything that came of it, as RFC 9700 section 4.14.2
// advises.
type provider struct {
	mu       sync.Mutex
	n        int
	families int
	refresh  map[string]int // live refresh tokens → family
	spent    map[string]int
	access   map[string]int // live access tokens → family
	reuse    int
	calls    int
	inflight int
	most     int         // calls at the same time
	busy     map[int]int // calls under way, by family
	mostOf   int         // the same within one family
	revoked  []string

	// script is asked before and after the provider has done its work, with
	// the number of the call; an error of the former keeps it from working, one
	// of the latter loses the answer.
	before, after func(ctx context.Context, call int) error
	answer        func(*hub.TokenAnswer)
	revoke        func(hub.RevokeRequest) (hub.Reach, error)
	keepToken     bool // do not rotate
	latest        hub.RefreshRequest
	hang          string // the provider of this name never answers
}

func newProvider() *provider {
	return &provider{refresh: map[string]int{}, spent: map[string]int{}, access: map[string]int{}, busy: map[int]int{}}
}

// issue is a fresh authorization.
func (p *provider) issue() (access, refresh string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.families++
	return p.mint(p.families)
}

func (p *provider) mint(family int) (access, refresh string) {
	p.n++
	access, refresh = fmt.Sprintf("access-%d", p.n), fmt.Sprintf("refresh-%d", p.n)
	p.access[access], p.refresh[refresh] = family, family
	return access, refresh
}

func (p *provider) end(family int) {
	for _, m := range []map[string]int{p.refresh, p.access} {
		for t, f := range m {
			if f == family {
				delete(m, t)
			}
		}
	}
}

func (p *provider) accepts(access string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.access[access]
	return ok
}

func (p *provider) script(f func(*provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

func (p *provider) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func (p *provider) last() hub.RefreshRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}

func (p *provider) Refresh(ctx context.Context, to hub.Target, req hub.RefreshRequest) (hub.TokenAnswer, error) {
	p.mu.Lock()
	if p.hang != "" && to.Provider == p.hang {
		p.mu.Unlock()
		<-ctx.Done()
		return hub.TokenAnswer{}, &hub.ProviderError{Class: hub.ProviderTemporary, Message: "timed out"}
	}
	p.calls++
	p.latest = req
	call, before, after, edit := p.calls, p.before, p.after, p.answer
	p.inflight++
	p.most = max(p.most, p.inflight)
	family := p.familyOf(req.RefreshToken.Reveal())
	if family != 0 {
		p.busy[family]++
		p.mostOf = max(p.mostOf, p.busy[family])
	}
	p.mu.Unlock()
	defer p.script(func(p *provider) {
		p.inflight--
		p.busy[family]--
	})
	if before != nil {
		if err := before(ctx, call); err != nil {
			return hub.TokenAnswer{}, err
		}
	}
	a, err := p.grant(req.RefreshToken.Reveal())
	if err != nil {
		return hub.TokenAnswer{}, err
	}
	a.Tokens.Scopes = req.Scopes // as asked for, where somebody asked
	if edit != nil {
		edit(&a)
	}
	if after != nil {
		if err := after(ctx, call); err != nil {
			return hub.TokenAnswer{}, err
		}
	}
	return a, nil
}

// familyOf is the family of a refresh token, live or spent; 0: of none that lives.
func (p *provider) familyOf(refresh string) int {
	if f, ok := p.refresh[refresh]; ok {
		return f
	}
	return p.spent[refresh]
}

// count is how many families there are.
func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.families
}

// abuse is how often a refresh token was used twice, and how many calls of one
// family there were at the same time.
func (p *provider) abuse() (reuse, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reuse, p.mostOf
}

// live counts the refresh tokens of families that work.
func (p *provider) live(families []int) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.refresh {
		if slices.Contains(families, f) {
			n++
		}
	}
	return n
}

func (p *provider) grant(token string) (hub.TokenAnswer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.spent[token]; ok {
		p.reuse++
		p.end(f)
	}
	family, ok := p.refresh[token]
	if !ok {
		return hub.TokenAnswer{}, invalidGrant()
	}
	out := hub.TokenAnswer{RefreshToken: hub.RefreshRotated}
	access, refresh := p.mint(family)
	if p.keepToken {
		delete(p.refresh, refresh)
		out.RefreshToken, refresh = hub.RefreshKept, ""
	} else {
		delete(p.refresh, token)
		p.spent[token] = family
	}
	now := time.Now()
	out.Tokens = hub.TokenSet{
		AccessToken: secret.New(access), RefreshToken: secret.New(refresh), TokenType: "Bearer",
		IssuedAt: now, Expiry: now.Add(life), ExpirySource: hub.ExpiryDeclared,
	}
	return out, nil
}

// revocations are the tokens that it was asked to revoke, in their order.
func (p *provider) revocations() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.revoked)
}

func (p *provider) Revoke(_ context.Context, _ hub.Target, req hub.RevokeRequest) (hub.Reach, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked = append(p.revoked, req.Token.Reveal())
	if p.revoke != nil {
		return p.revoke(req)
	}
	delete(p.refresh, req.Token.Reveal())
	delete(p.access, req.Token.Reveal())
	return req.Reach, nil
}

func invalidGrant() error {
	return &hub.ProviderError{Class: hub.ProviderReauthorize, Reason: hub.ReasonRevoked, ProviderCode: "invalid_grant", Message: "refused"}
}

func unavailable() error {
	return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "no route to host", Unsent: true}
}

func crashed() error {
	return &hub.ProviderError{Class: hub.ProviderGone, Message: "the plugin died"}
}

// after returns a script step that takes a while.
func taking(d time.Duration) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return &hub.ProviderError{Class: hub.ProviderTemporary, Message: "timed out"}
		}
	}
}

// always returns a script step that fails.
func always(err error) func(context.Context, int) error {
	return func(context.Context, int) error { return err }
}
