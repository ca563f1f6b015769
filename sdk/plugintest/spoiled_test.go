// SPDX-License-Identifier: Apache-2.0

package plugintest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
	"github.com/standpipe/standpipe/sdk/plugintest"
	"github.com/standpipe/standpipe/sdk/plugintest/testdata/example/provider"
)

// spoiledEnv makes TestSpoiled check a plugin that breaks the contract.
const spoiledEnv = "PLUGINTEST_SPOILED"

// base is a good provider, of which each spoiled one spoils a part.
type base struct{ *oauth.Standard }

// The spoiled providers, by what is wrong with them.
var spoiled = map[string]struct {
	make   func() sdk.Provider
	inCase string // which case finds it
	want   string // and what it says
}{
	"no sentence": {func() sdk.Provider {
		p := provider.New()
		p.Descriptor.Description = ""
		return p
	}, "describes itself", "what connecting gives"},
	"script in the icon": {func() sdk.Provider {
		p := provider.New()
		p.Descriptor.Icon = `<svg><script>alert(1)</script></svg>`
		return p
	}, "describes itself", `"script"`},
	"two states":        {func() sdk.Provider { return twoStates{base{provider.New()}} }, "authorizes", "state"},
	"another host":      {func() sdk.Provider { return otherHost{base{provider.New()}} }, "authorizes", "which the descriptor does not name"},
	"own network":       {func() sdk.Provider { return ownNetwork{base{provider.New()}} }, "connects", "without the host's dialer"},
	"foreign host":      {func() sdk.Provider { return foreignHost{base{provider.New()}} }, "connects", "not the provider's"},
	"untyped error":     {func() sdk.Provider { return untyped{base{provider.New()}} }, "refuses", "want an *sdk.Error"},
	"secret in error":   {func() sdk.Provider { return telltale{base{provider.New()}} }, "refuses", "holds a secret"},
	"deaf":              {func() sdk.Provider { return deaf{base{provider.New()}} }, "gives up", "when its context ends"},
	"lasting goroutine": {func() sdk.Provider { return lasting{base{provider.New()}} }, "leaves nothing", "goroutines stay"},
	"lasting call":      {func() sdk.Provider { return lingering{base{provider.New()}} }, "connects", "connections stay open"},
	"wrong outcome":     {func() sdk.Provider { return wrongOutcome{base{provider.New()}} }, "refreshes", "was kept, and gives one"},
	"e-mail as subject": {func() sdk.Provider { return byEmail{base{provider.New()}} }, "connects", "not immutable"},
	"foreign picture":   {func() sdk.Provider { return foreignPicture{base{provider.New()}} }, "says where a picture is", "which the descriptor does not name"},
	"token in picture":  {func() sdk.Provider { return tokenPicture{base{provider.New()}} }, "says where a picture is", "holds a secret"},
	"revokes too much":  {func() sdk.Provider { return tooMuch{base{provider.New()}} }, "revokes", "withdrew the grant"},
	"shared state":      {func() sdk.Provider { return &shared{base: base{provider.New()}} }, "works concurrently", "another call's state"},
}

type twoStates struct{ base }

func (p twoStates) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	resp, err := p.Standard.Authorize(ctx, r)
	resp.URL += "&state=mine"
	return resp, err
}

type otherHost struct{ base }

func (p otherHost) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	resp, err := p.Standard.Authorize(ctx, r)
	_, query, _ := strings.Cut(resp.URL, "?")
	resp.URL = "https://evil.example/authorize?" + query
	return resp, err
}

type ownNetwork struct{ base }

func (p ownNetwork) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	if resp, err := http.Get(r.Config["base_url"]); err == nil {
		_ = resp.Body.Close()
	}
	return p.Standard.Identify(ctx, r)
}

type foreignHost struct{ base }

func (p foreignHost) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	if resp, err := oauth.Client(ctx).Get("https://telemetry.example/"); err == nil {
		_ = resp.Body.Close()
	}
	return p.Standard.Identify(ctx, r)
}

type foreignPicture struct{ base }

func (p foreignPicture) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	resp, err := p.Standard.Identify(ctx, r)
	if err == nil {
		resp.Account.Picture = "https://telemetry.example/pixel.gif"
	}
	return resp, err
}

type tokenPicture struct{ base }

func (p tokenPicture) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	resp, err := p.Standard.Identify(ctx, r)
	if err == nil {
		resp.Account.Picture = r.Config["base_url"] + "/me.png?access_token=" + r.AccessToken.Reveal()
	}
	return resp, err
}

type untyped struct{ base }

func (p untyped) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	resp, err := p.Standard.Exchange(ctx, r)
	if err != nil {
		return nil, errors.New("no")
	}
	return resp, nil
}

type telltale struct{ base }

func (p telltale) Exchange(ctx context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	resp, err := p.Standard.Exchange(ctx, r)
	if err != nil {
		return nil, sdk.Misconfigured("", "not taken: "+r.Code.Reveal())
	}
	return resp, nil
}

type deaf struct{ base }

func (p deaf) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	return p.Standard.Identify(context.WithoutCancel(ctx), r)
}

type lasting struct{ base }

func (p lasting) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	go func() { select {} }()
	return p.Standard.Identify(ctx, r)
}

type lingering struct{ base }

func (p lingering) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	begun := make(chan struct{})
	trace := &httptrace.ClientTrace{WroteHeaders: sync.OnceFunc(func() { close(begun) })}
	lasting := httptrace.WithClientTrace(context.WithoutCancel(ctx), trace)
	req, err := http.NewRequestWithContext(lasting, http.MethodPost, r.Config["base_url"], endless{})
	if err != nil {
		return nil, err
	}
	go func() { _, _ = oauth.Client(ctx).Do(req) }()
	<-begun
	return p.Standard.Identify(ctx, r)
}

// endless is a body that never comes.
type endless struct{}

func (endless) Read([]byte) (int, error) { select {} }

type wrongOutcome struct{ base }

func (p wrongOutcome) Refresh(ctx context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	resp, err := p.Standard.Refresh(ctx, r)
	if err == nil {
		resp.RefreshToken = sdk.RefreshKept
	}
	return resp, err
}

type byEmail struct{ base }

func (p byEmail) Identify(ctx context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	resp, err := p.Standard.Identify(ctx, r)
	if err == nil {
		resp.Account.Email, resp.Account.Subject = "octocat@example.com", "octocat@example.com"
	}
	return resp, err
}

type tooMuch struct{ base }

func (p tooMuch) Revoke(ctx context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	r.Reach = sdk.ReachGrant
	return p.Standard.Revoke(ctx, r)
}

// shared answers with the first call's URL for ever.
type shared struct {
	base
	once  sync.Once
	first *sdk.AuthorizeResponse
}

func (p *shared) Authorize(ctx context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	p.once.Do(func() { p.first, _ = p.Standard.Authorize(ctx, r) })
	return p.first, nil
}

// TestSpoiled shows that each rule of the suite is enforced: it runs the suite
// on plugins that break one, and wants it to fail and to say why.
func TestSpoiled(t *testing.T) {
	if name := os.Getenv(spoiledEnv); name != "" {
		cfg := example()
		cfg.New, cfg.Package = spoiled[name].make, ""
		plugintest.Run(t, cfg)
		return
	}
	for name, s := range spoiled {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestSpoiled$/^in_process$/^"+strings.ReplaceAll(s.inCase, " ", "_"), "-test.timeout=60s")
			cmd.Env = append(os.Environ(), spoiledEnv+"="+name)
			out, err := cmd.CombinedOutput()
			if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), s.want) {
				t.Errorf("the suite does not say %q: %v\n%s", s.want, err, out)
			}
		})
	}
}

// TestLeakyBinary does the same for what only an executable can do.
func TestLeakyBinary(t *testing.T) {
	if path := os.Getenv(spoiledEnv); path != "" {
		plugintest.Binary(t, path, example())
		return
	}
	path := filepath.Join(t.TempDir(), "standpipe-provider-leaky")
	if out, err := exec.Command("go", "build", "-o", path, "./testdata/example").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestLeakyBinary$/^connects$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), spoiledEnv+"="+path)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), "printed a secret") {
		t.Errorf("the suite does not see the secret: %v\n%s", err, out)
	}
}
