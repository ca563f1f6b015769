// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// tried is what is known of tokens after they were tried.
type tried struct {
	set      hub.TokenSet
	account  hub.Account // zero: the provider does not say
	scopes   []string    // nil: not known
	verified string
}

func setOf(im *hub.Import, now time.Time) hub.TokenSet {
	s := hub.TokenSet{AccessToken: im.AccessToken, RefreshToken: im.RefreshToken, TokenType: "Bearer", IssuedAt: now, Expiry: im.ExpiresAt, Scopes: im.Scopes}
	if !im.ExpiresAt.IsZero() {
		s.ExpirySource = hub.ExpiryDeclared
	}
	s.Name, s.Named, s.Metadata = im.Name, maps.Clone(im.Named), maps.Clone(im.Metadata)
	for name, n := range s.Named {
		if n.IssuedAt = now; !n.Expiry.IsZero() {
			n.ExpirySource = hub.ExpiryDeclared
		}
		s.Named[name] = n
	}
	return s
}

// try proves that the tokens work, before anything is stored.
func (d *Desk) try(ctx context.Context, r *hub.Resolved, t *tried) error {
	canRefresh := r.Descriptor.Can(hub.CanRefresh) && !t.set.RefreshToken.IsZero()
	if r.Descriptor.Can(hub.CanIdentify) && !t.set.AccessToken.IsZero() && t.set.ValidFor(d.cfg.Now(), 0) {
		err := d.identify(ctx, r, t)
		switch {
		case err == nil && (!canRefresh || !t.set.Expiry.IsZero()):
			t.verified = byIdentity
			return nil
		case err != nil && !(canRefresh && refused(err)):
			return public(r, err)
		}
		// Refused, and there is another way; or nobody knows for how long it
		// works, and a refresh will tell.
	}
	if !canRefresh {
		return untried(r, t)
	}
	a, err := d.cfg.Providers.Refresh(ctx, r.Target, hub.RefreshRequest{RefreshToken: t.set.RefreshToken, RedirectURI: r.RedirectURI})
	if err != nil {
		return public(r, err)
	}
	t.verified = byRefresh
	t.renew(&a, d.cfg.Now())
	if t.account.Subject == "" && r.Descriptor.Can(hub.CanIdentify) {
		// The tokens are good, and perhaps the only ones now: a provider that
		// does not say whose they are must not lose them.
		_ = d.identify(ctx, r, t)
	}
	return nil
}

// tryNamed proves that the further tokens work. One that the provider refuses
// is kept out of use and holds the others back in nothing: by now the main one
// may be the only one of its kind.
func (d *Desk) tryNamed(ctx context.Context, r *hub.Resolved, t *tried) {
	for _, name := range slices.Sorted(maps.Keys(t.set.Named)) {
		n := t.set.Named[name]
		canRefresh := r.Descriptor.Can(hub.CanRefresh) && !n.RefreshToken.IsZero()
		set := n.Set()
		works := false
		if r.Descriptor.Can(hub.CanIdentify) && !n.AccessToken.IsZero() && set.ValidFor(d.cfg.Now(), 0) {
			_, err := d.cfg.Providers.Identify(ctx, r.Target, hub.IdentifyRequest{AccessToken: n.AccessToken, Metadata: t.set.Metadata})
			works = err == nil || !refused(err) // who cannot be reached has not refused
		}
		switch {
		case works:
			continue
		case !canRefresh:
			n.Reason = hub.ReasonRefreshMissing
		default:
			a, err := d.cfg.Providers.Refresh(ctx, r.Target, hub.RefreshRequest{RefreshToken: n.RefreshToken, RedirectURI: r.RedirectURI, Name: name})
			switch {
			case err == nil:
				renewNamed(&n, &a, d.cfg.Now())
			case refused(err):
				n.Reason = hub.ReasonUnknown
			}
		}
		t.set.Named[name] = n
	}
}

func (d *Desk) identify(ctx context.Context, r *hub.Resolved, t *tried) error {
	id, err := d.cfg.Providers.Identify(ctx, r.Target, hub.IdentifyRequest{
		AccessToken: t.set.AccessToken, IDToken: t.set.IDToken, Metadata: t.set.Metadata,
	})
	if err != nil {
		return err
	}
	t.account = id.Account
	if id.Scopes != nil {
		t.scopes = id.Scopes
	}
	return nil
}

// renew puts the answer of a refresh in the place of what was imported.
func (t *tried) renew(a *hub.TokenAnswer, now time.Time) {
	old := t.set
	t.set = a.Tokens
	t.set.IssuedAt, t.set.Expiry = t.set.IssuedAt.Round(0), t.set.Expiry.Round(0)
	if t.set.IssuedAt.IsZero() {
		t.set.IssuedAt = now
	}
	if t.set.RefreshToken.IsZero() && a.RefreshToken != hub.RefreshNone {
		t.set.RefreshToken = old.RefreshToken
	}
	if t.set.Scopes != nil {
		t.scopes = t.set.Scopes
	}
	if t.set.Name == "" {
		t.set.Name = old.Name
	}
	t.set.Named, t.set.Metadata = overlay(old.Named, t.set.Named), overlay(old.Metadata, t.set.Metadata)
	if a.Account != nil {
		t.account = *a.Account
	}
}

// renewNamed is renew for a further token.
func renewNamed(n *hub.NamedToken, a *hub.TokenAnswer, now time.Time) {
	got := &a.Tokens
	n.AccessToken, n.Expiry, n.ExpirySource, n.IssuedAt = got.AccessToken, got.Expiry.Round(0), got.ExpirySource, now
	if !got.RefreshToken.IsZero() {
		n.RefreshToken = got.RefreshToken
	}
	if got.Scopes != nil {
		n.Scopes = got.Scopes
	}
	n.Generation++
}

// overlay returns the entries of both, b's where both have one.
func overlay[V any](a, b map[string]V) map[string]V {
	if len(a) == 0 {
		return b
	}
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// refused reports that the provider does not take the token, as opposed to not
// having been reached.
func refused(err error) bool {
	pe, ok := errors.AsType[*hub.ProviderError](err)
	return ok && (pe.Class == hub.ProviderReauthorize || pe.Class == hub.ProviderDenied)
}

// public is a failure of the provider as the one who imports gets it.
func public(r *hub.Resolved, err error) error {
	pe, ok := errors.AsType[*hub.ProviderError](err)
	if !ok {
		return err
	}
	if refused(err) {
		e := hub.Errorf(hub.CodeUnprocessable, "%s does not accept the token: %s", r.Descriptor.Name, pe.Message).
			WithRemedy("It has expired, was revoked, or was issued to another OAuth client than this integration has. Connect the account anew.")
		e.Err = err
		return e
	}
	return pe.Public(r.Descriptor.Name)
}

func untried(r *hub.Resolved, t *tried) error {
	name := r.Descriptor.Name
	switch {
	case t.set.RefreshToken.IsZero() && !t.set.Expiry.IsZero():
		return hub.Errorf(hub.CodeUnprocessable, "the access token has expired, and there is nothing to renew it with").
			WithRemedy("Connect the account anew.")
	case t.set.AccessToken.IsZero():
		return hub.Errorf(hub.CodeUnprocessable, "%s knows no refresh tokens", name).WithRemedy("Import an access token.")
	}
	return hub.Errorf(hub.CodeUnprocessable, "%s offers no way to tell whether the token works, and it is not stored unseen", name).
		WithRemedy("Connect the account anew.")
}
