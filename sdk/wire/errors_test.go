// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

const canary = "canary-5d1c0e"

func TestErrorsArriveWithEveryField(t *testing.T) {
	e := &echo{}
	c, _ := connect(t, e)
	all := []sdk.Code{
		sdk.CodeReauthorizationRequired, sdk.CodeUserDenied, sdk.CodeMisconfigured, sdk.CodeTemporary,
		sdk.CodeRateLimited, sdk.CodeSlowDown, sdk.CodeUnsupported, sdk.CodePluginBug,
	}
	for _, code := range all {
		want := filled[sdk.Error]()
		want.Code = code
		for _, err := range []error{want, fmt.Errorf("exchange: %w", want)} {
			e.err = err
			_, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{})
			got, ok := errors.AsType[*sdk.Error](err)
			if !ok || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %#v, want %#v", code, err, want)
			}
		}
	}
	e.err = &sdk.Error{Code: "from_the_future", RetryAfter: -time.Second, Message: "not \xff UTF-8"}
	_, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{})
	want := &sdk.Error{Code: sdk.CodePluginBug, Message: "not \uFFFD UTF-8"}
	if got, _ := errors.AsType[*sdk.Error](err); !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

// failing does what a plugin must not do.
type failing struct {
	echo
	how func() (*sdk.ExchangeResponse, error)
}

func (f *failing) Exchange(context.Context, *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	return f.how()
}

func TestWhatIsThePluginsFaultIsABug(t *testing.T) {
	var none *sdk.ExchangeResponse
	big := &sdk.ExchangeResponse{Tokens: sdk.TokenSet{AccessToken: secret.New(strings.Repeat("x", wire.MaxMessage))}}
	for name, tt := range map[string]struct {
		how  func() (*sdk.ExchangeResponse, error)
		want string
	}{
		"plain error":  {func() (*sdk.ExchangeResponse, error) { return nil, fmt.Errorf("body: %w", errors.New(canary)) }, "*fmt.wrapError, *errors.errorString"},
		"typed nil":    {func() (*sdk.ExchangeResponse, error) { return nil, (*sdk.Error)(nil) }, "not an *sdk.Error"},
		"nothing":      {func() (*sdk.ExchangeResponse, error) { return nil, nil }, "neither an answer nor an error"},
		"panic":        {func() (*sdk.ExchangeResponse, error) { panic(canary) }, "panicked in Exchange: a value of type string"},
		"panic error":  {func() (*sdk.ExchangeResponse, error) { panic(errors.New(canary)) }, "panicked in Exchange"},
		"nil pointer":  {func() (*sdk.ExchangeResponse, error) { return nil, errors.New(none.Tokens.TokenType) }, "nil pointer dereference"},
		"large answer": {func() (*sdk.ExchangeResponse, error) { return big, nil }, "the limit is 1048576"},
		"invalid UTF-8": {func() (*sdk.ExchangeResponse, error) {
			return &sdk.ExchangeResponse{Tokens: sdk.TokenSet{TokenType: "\xff"}}, nil
		}, "not UTF-8"},
	} {
		c, _ := connect(t, &failing{how: tt.how})
		_, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{})
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Code != sdk.CodePluginBug || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%s: got %#v", name, err)
			continue
		}
		for _, leak := range []string{canary, "goroutine", ".go:"} {
			if strings.Contains(err.Error(), leak) {
				t.Errorf("%s: %q is in %q", name, leak, err)
			}
		}
		// The plugin lives on.
		if _, err := c.Check(t.Context(), &sdk.CheckRequest{}); err != nil {
			t.Errorf("%s: the next call fails: %v", name, err)
		}
	}
}

func TestLargeRequestIsRefused(t *testing.T) {
	c, _ := connect(t, &echo{})
	_, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{Code: secret.New(strings.Repeat("x", wire.MaxMessage))})
	if te, ok := errors.AsType[*wire.TransportError](err); !ok || te.Code != codes.ResourceExhausted {
		t.Errorf("got %#v", err)
	}
	many := make([][]byte, 3)
	for i := range many {
		many[i] = make([]byte, 1<<20)
	}
	p := &describing{list: []sdk.Descriptor{described()}}
	c, _ = connect(t, p)
	if _, err := c.Describe(t.Context(), &sdk.DescribeRequest{Definitions: many}); err != nil {
		t.Errorf("a description may be larger: %v", err)
	}
}

func TestWhatIsNotImplementedIsUnsupported(t *testing.T) {
	c, _ := connect(t, struct{ sdk.Provider }{&echo{}})
	calls := map[string]error{}
	_, calls["refresh"] = c.Refresh(t.Context(), &sdk.RefreshRequest{})
	_, calls["revoke"] = c.Revoke(t.Context(), &sdk.RevokeRequest{})
	_, calls["identify"] = c.Identify(t.Context(), &sdk.IdentifyRequest{})
	_, calls["start device"] = c.StartDevice(t.Context(), &sdk.StartDeviceRequest{})
	_, calls["poll device"] = c.PollDevice(t.Context(), &sdk.PollDeviceRequest{})
	_, calls["client credentials"] = c.ClientCredentials(t.Context(), &sdk.ClientCredentialsRequest{})
	_, calls["introspect"] = c.Introspect(t.Context(), &sdk.IntrospectRequest{})
	_, calls["check"] = c.Check(t.Context(), &sdk.CheckRequest{})
	for name, err := range calls {
		if sdk.CodeOf(err) != sdk.CodeUnsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hanging waits until its context ends, or until released.
type hanging struct {
	echo
	began chan struct{}
	ended chan error
}

func (h *hanging) Exchange(ctx context.Context, _ *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	close(h.began)
	<-ctx.Done()
	h.ended <- ctx.Err()
	return nil, ctx.Err()
}

func TestGivingUpIsATransportError(t *testing.T) {
	h := &hanging{began: make(chan struct{}), ended: make(chan error, 1)}
	c, _ := connect(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-h.began; cancel() }()
	_, err := c.Exchange(ctx, &sdk.ExchangeRequest{})
	if _, ok := errors.AsType[*wire.TransportError](err); !ok || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %#v", err)
	}
	if err := <-h.ended; err == nil {
		t.Error("the plugin's context did not end")
	}

	h = &hanging{began: make(chan struct{}), ended: make(chan error, 1)}
	c, _ = connect(t, h)
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Exchange(ctx, &sdk.ExchangeRequest{})
	if _, ok := errors.AsType[*wire.TransportError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %#v", err)
	}
}

func TestDeadPluginIsATransportError(t *testing.T) {
	h := &hanging{began: make(chan struct{}), ended: make(chan error, 1)}
	c, srv := connect(t, h)
	go func() { <-h.began; srv.Stop() }()
	_, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{})
	if te, ok := errors.AsType[*wire.TransportError](err); !ok || te.Code != codes.Unavailable {
		t.Errorf("died during the call: %#v", err)
	}
	_, err = c.Check(t.Context(), &sdk.CheckRequest{})
	if te, ok := errors.AsType[*wire.TransportError](err); !ok || te.Code != codes.Unavailable {
		t.Errorf("dead before the call: %#v", err)
	}
}
