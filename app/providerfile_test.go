// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/standpipe/standpipe/app/internal/catalog"
	"github.com/standpipe/standpipe/app/internal/config"
	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
	"github.com/standpipe/standpipe/configs"
)

// oneProvider keeps the definitions that a catalog tells the plugin.
type oneProvider struct {
	hub.Providers
	definitions [][]byte
}

func (d *oneProvider) SetDefinitions(_ context.Context, all [][]byte) error {
	d.definitions = all
	return nil
}

func (d *oneProvider) Describe(context.Context) ([]hub.Descriptor, error) {
	return []hub.Descriptor{{Slug: "acme"}}, nil
}

// TestCustomProviderAsFile: whatever is declared in the window is, as the file
// that the window makes of it, the same provider to the plugin.
func TestCustomProviderAsFile(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		plugin := &oneProvider{}
		c, err := catalog.New(context.Background(), catalog.Config{
			Store: memstore.New(), Providers: plugin, Declarer: plugin, Publisher: events.New(), Now: time.Now, NewID: newID,
			Listen: "127.0.0.1:4780", Write: config.WriteProvider,
		})
		if err != nil {
			t.Fatal(err)
		}
		p := anyCustom(t)
		if _, err := c.SaveCustom(context.Background(), p, true); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		file, err := c.CustomFile(context.Background(), p.Slug)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "acme.hcl"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		all, found := config.LoadProviders(configs.Providers(), dir)
		if len(found) > 0 {
			t.Fatalf("%v, of\n%s", found, file)
		}
		for _, d := range all {
			if d.Slug != p.Slug {
				continue
			}
			var got, want any
			if json.Unmarshal(d.JSON, &got) != nil || json.Unmarshal(plugin.definitions[0], &want) != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("read as\n%s\nwant\n%s\nof\n%s", d.JSON, plugin.definitions[0], file)
			}
			return
		}
		t.Fatalf("the file declares no %s:\n%s", p.Slug, file)
	})
}

// anyCustom draws whatever can be declared.
func anyCustom(t *rapid.T) hub.Custom {
	word := rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`)
	words := rapid.StringMatching(`[A-Za-z0-9] ?[ -~äß→🙂]{0,20}`)
	value := rapid.StringMatching(`[ -z|~]{0,12}`)
	address := rapid.StringMatching(`https://[a-z]{1,8}\.test(:8443)?/[a-z/]{0,8}(\?a=%24b)?`)
	maybe := func(g *rapid.Generator[string], name string) string {
		return rapid.OneOf(rapid.Just(""), g).Draw(t, name)
	}
	p := hub.Custom{
		Slug: "acme", Name: words.Draw(t, "name"), Description: maybe(words, "description"),
		RevokeURL: maybe(address, "revoke"), PrivateNetwork: rapid.Bool().Draw(t, "private"),
		NoPKCE: rapid.Bool().Draw(t, "no pkce"), SecretRequired: rapid.Bool().Draw(t, "secret"),
		ScopeSeparator:  rapid.SampledFrom([]string{"", ",", ";", "+", "|"}).Draw(t, "separator"),
		ClientAuth:      rapid.SampledFrom([]string{"", "body", "basic", "none"}).Draw(t, "auth"),
		RedirectHost:    rapid.SampledFrom([]hub.RedirectHost{"", "localhost", hub.RedirectHTTPS}).Draw(t, "redirect"),
		AuthorizeParams: rapid.MapOfN(word, value, 0, 3).Draw(t, "authorize params"),
		TokenParams:     rapid.MapOfN(word, value, 0, 3).Draw(t, "token params"),
	}
	if p.ClientAuth == "none" {
		p.SecretRequired = false
	}
	for _, name := range []string{"scope", "code", "state", "nonce", "request"} { // the hub's own
		delete(p.AuthorizeParams, name)
		delete(p.TokenParams, name)
	}
	scope := rapid.StringMatching(`[!#-\[\]-~]{1,12}`)
	for _, name := range rapid.SliceOfNDistinct(scope, 0, 3, rapid.ID).Draw(t, "scopes") {
		p.Scopes = append(p.Scopes, hub.CustomScope{Name: name, Title: maybe(words, "title")})
	}
	p.PictureHosts = rapid.SliceOfN(rapid.StringMatching(`(\*\.)?[a-zA-Z]{1,8}\.test(:8443)?`), 0, 3).Draw(t, "picture hosts")
	if rapid.Bool().Draw(t, "by issuer") {
		p.Issuer = address.Draw(t, "issuer")
		p.Scopes = append(p.Scopes, hub.CustomScope{Name: "openid"})
		return p
	}
	p.AuthorizeURL, p.TokenURL = address.Draw(t, "authorize"), address.Draw(t, "token")
	p.Identity = hub.CustomIdentity{
		URL: address.Draw(t, "identity"), Subject: "data.0.id", Login: maybe(word, "login"), Name: maybe(word, "account name"), Email: maybe(word, "email"),
		Picture: maybe(word, "picture"),
	}
	return p
}
