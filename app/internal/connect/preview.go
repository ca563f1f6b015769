// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Prober looks at addresses of a provider. *pluginhost.Host is one.
type Prober interface {
	// Probe makes one GET without credentials, to where the target's calls may
	// go only, and follows no redirect.
	Probe(ctx context.Context, t hub.Target, address string) (hub.Probe, error)
}

// Preview makes the authorization URL of a draft, as Start would make it, with
// names in the place of what is random. Where there is an issuer, the hosts of
// its endpoints are looked up: whoever declares the provider has to see them.
func (e *Engine) Preview(ctx context.Context, r *hub.Resolved, issuer string) (hub.Preview, error) {
	if issuer != "" {
		found, err := e.discoveredHosts(ctx, r, issuer)
		if err != nil {
			return hub.Preview{}, err
		}
		r.Target.AllowedHosts = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(r.Target.AllowedHosts), found...))))
	}
	answer, err := e.authorizationURL(ctx, r, hub.AuthorizeRequest{
		RedirectURI: r.RedirectURI, State: "STATE", Nonce: "NONCE", CodeChallenge: "CODE-CHALLENGE",
		Scopes: r.Scopes, SelectAccount: true, NeedRefreshToken: true,
	})
	if err != nil {
		return hub.Preview{}, err
	}
	return hub.Preview{AuthorizationURL: answer.URL, RedirectURI: r.RedirectURI, Hosts: r.Target.AllowedHosts}, nil
}

// discoveredHosts are the host:port of the endpoints in an issuer's discovery
// document (OpenID Connect Discovery section 4). What the endpoints are is for
// the plugin to judge, which reads it again.
func (e *Engine) discoveredHosts(ctx context.Context, r *hub.Resolved, issuer string) ([]string, error) {
	where := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	bad := func(format string, args ...any) error {
		err := hub.Errorf(hub.CodeProviderMisconfigured, format, args...).
			WithRemedy("Compare the issuer with the provider's documentation, letter by letter, or give the authorization and token URL instead.")
		err.Field = "issuer"
		return err
	}
	p, err := e.cfg.Prober.Probe(ctx, r.Target, where)
	if err != nil {
		return nil, bad("%s does not answer: %s", where, public(err, "the issuer").Message)
	}
	if p.Status != 200 {
		return nil, bad("there is no discovery document at %s (HTTP %d)", where, p.Status)
	}
	var doc map[string]any
	if err := json.Unmarshal(p.Body, &doc); err != nil {
		return nil, bad("what stands at %s is no discovery document", where)
	}
	var out []string
	for name, v := range doc {
		s, _ := v.(string)
		u, err := url.Parse(s)
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" || err != nil || u.Hostname() == "" {
			continue
		}
		out = append(out, hub.HostPort(u))
	}
	return out, nil
}
