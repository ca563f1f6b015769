// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"context"
	"net"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
	"github.com/standpipe/standpipe/sdk/wire"
)

// connect serves p on a Unix socket and returns a client of it, and the server.
func connect(t *testing.T, p sdk.Provider) (*wire.Client, *grpc.Server) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	srv := sdk.NewServer(p)
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); srv.Stop(); <-done })
	return wire.NewClient(conn), srv
}

// fill gives every field a value of its own, so that one that is lost or
// swapped shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case secret.Value:
		v.Set(reflect.ValueOf(secret.New("secret " + strconv.Itoa(*n))))
		return
	case time.Duration:
		v.SetInt(int64(*n) * int64(time.Second+time.Nanosecond))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n)
			fill(value, n)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString("text ü " + strconv.Itoa(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	default:
		panic("no value for " + v.Type().String())
	}
}

func filled[T any]() *T {
	out, n := new(T), 0
	fill(reflect.ValueOf(out).Elem(), &n)
	return out
}

// echo remembers what it was asked and answers with every field filled, or with
// an error.
type echo struct {
	got any
	err error
}

func answer[Req, Resp any](e *echo, r *Req) (*Resp, error) {
	e.got = r
	if e.err != nil {
		return nil, e.err
	}
	return filled[Resp](), nil
}

func (e *echo) Describe(_ context.Context, r *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	return answer[sdk.DescribeRequest, sdk.DescribeResponse](e, r)
}

func (e *echo) Authorize(_ context.Context, r *sdk.AuthorizeRequest) (*sdk.AuthorizeResponse, error) {
	return answer[sdk.AuthorizeRequest, sdk.AuthorizeResponse](e, r)
}

func (e *echo) Exchange(_ context.Context, r *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	return answer[sdk.ExchangeRequest, sdk.ExchangeResponse](e, r)
}

func (e *echo) Refresh(_ context.Context, r *sdk.RefreshRequest) (*sdk.RefreshResponse, error) {
	return answer[sdk.RefreshRequest, sdk.RefreshResponse](e, r)
}

func (e *echo) Revoke(_ context.Context, r *sdk.RevokeRequest) (*sdk.RevokeResponse, error) {
	return answer[sdk.RevokeRequest, sdk.RevokeResponse](e, r)
}

func (e *echo) Identify(_ context.Context, r *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	return answer[sdk.IdentifyRequest, sdk.IdentifyResponse](e, r)
}

func (e *echo) StartDevice(_ context.Context, r *sdk.StartDeviceRequest) (*sdk.StartDeviceResponse, error) {
	return answer[sdk.StartDeviceRequest, sdk.StartDeviceResponse](e, r)
}

func (e *echo) PollDevice(_ context.Context, r *sdk.PollDeviceRequest) (*sdk.PollDeviceResponse, error) {
	return answer[sdk.PollDeviceRequest, sdk.PollDeviceResponse](e, r)
}

func (e *echo) ClientCredentials(_ context.Context, r *sdk.ClientCredentialsRequest) (*sdk.ClientCredentialsResponse, error) {
	return answer[sdk.ClientCredentialsRequest, sdk.ClientCredentialsResponse](e, r)
}

func (e *echo) Introspect(_ context.Context, r *sdk.IntrospectRequest) (*sdk.IntrospectResponse, error) {
	return answer[sdk.IntrospectRequest, sdk.IntrospectResponse](e, r)
}

func (e *echo) Check(_ context.Context, r *sdk.CheckRequest) (*sdk.CheckResponse, error) {
	return answer[sdk.CheckRequest, sdk.CheckResponse](e, r)
}

// roundTrip sends every field of a request and expects every field of an answer.
func roundTrip[Req, Resp any](t *testing.T, e *echo, call func(context.Context, *Req) (*Resp, error)) {
	t.Helper()
	got, err := call(t.Context(), filled[Req]())
	if err != nil {
		t.Errorf("%T: %v", *new(Req), err)
		return
	}
	if want := filled[Req](); !reflect.DeepEqual(e.got, want) {
		t.Errorf("the plugin got %s", difference(e.got, want))
	}
	if want := filled[Resp](); !reflect.DeepEqual(got, want) {
		t.Errorf("the host got %s", difference(got, want))
	}
}

// difference names the first field that differs; values may redact themselves.
func difference(got, want any) string {
	g, w := reflect.Indirect(reflect.ValueOf(got)), reflect.Indirect(reflect.ValueOf(want))
	if !g.IsValid() || g.Type() != w.Type() {
		return "another type"
	}
	for i := range w.NumField() {
		if !reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()) {
			return w.Type().String() + "." + w.Type().Field(i).Name + " changed"
		}
	}
	return "the same"
}

func TestEveryFieldOfEveryCallArrives(t *testing.T) {
	e := &echo{}
	c, _ := connect(t, e)
	roundTrip(t, e, c.Authorize)
	roundTrip(t, e, c.Exchange)
	roundTrip(t, e, c.Refresh)
	roundTrip(t, e, c.Revoke)
	roundTrip(t, e, c.Identify)
	roundTrip(t, e, c.StartDevice)
	roundTrip(t, e, c.PollDevice)
	roundTrip(t, e, c.ClientCredentials)
	roundTrip(t, e, c.Introspect)
	roundTrip(t, e, c.Check)
}

func TestNothingStaysNothing(t *testing.T) {
	for _, want := range []*sdk.IdentifyResponse{{}, {Scopes: []string{}}} {
		c, _ := connect(t, &constant{exchange: &sdk.ExchangeResponse{Tokens: sdk.TokenSet{Scopes: want.Scopes}}, identify: want})
		got, err := c.Identify(t.Context(), &sdk.IdentifyRequest{})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		tokens, err := c.Exchange(t.Context(), &sdk.ExchangeRequest{})
		if err != nil || tokens.Account != nil || !reflect.DeepEqual(tokens.Tokens, sdk.TokenSet{Scopes: want.Scopes}) {
			t.Errorf("got %+v, %v", tokens, err)
		}
	}
}

// constant answers always the same.
type constant struct {
	sdk.Provider
	exchange *sdk.ExchangeResponse
	identify *sdk.IdentifyResponse
}

func (c *constant) Exchange(context.Context, *sdk.ExchangeRequest) (*sdk.ExchangeResponse, error) {
	return c.exchange, nil
}

func (c *constant) Identify(context.Context, *sdk.IdentifyRequest) (*sdk.IdentifyResponse, error) {
	return c.identify, nil
}

// described is a valid descriptor in which every field is set.
func described() sdk.Descriptor {
	d := *filled[sdk.Descriptor]()
	d.Slug, d.Icon = "example", `<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>`
	d.DocsURL, d.ConsoleURL = "https://docs.example/", "https://example.com/apps"
	d.AllowedHosts = []string{"example.com:443", "[::1]:8443"}
	d.APIs = []string{"https://*.example.com/v1", "{key0}/v2"}
	d.PictureHosts = []string{"*.pictures.example.com:443"}
	d.PKCE, d.Rotation, d.Revoke = sdk.PKCENever, sdk.RotationNone, sdk.ReachGrant // none: the others narrow nothing
	d.Redirect.Host, d.BrandColor, d.Categories = sdk.RedirectHTTPS, "#24292f", []string{"code", "chat"}
	d.Remedies = map[sdk.Reason]string{sdk.ReasonRevoked: "Allow it again.", sdk.ReasonPolicy: "Sign in again."}
	d.Capabilities = []sdk.Capability{sdk.CanIdentify, sdk.CanRefresh, "flying"}
	for i := range d.Scopes {
		d.Scopes[i].Name, d.Scopes[i].Sensitivity = "scope"+strconv.Itoa(i), sdk.SensitivityHigh
	}
	for i := range d.Config {
		d.Config[i].Key, d.Config[i].Kind, d.Config[i].Level = "key"+strconv.Itoa(i), sdk.FieldURL, sdk.LevelInstallation
		d.Config[i].Pattern = ".*"
	}
	return d
}

type describing struct {
	echo
	list []sdk.Descriptor
}

func (d *describing) Describe(_ context.Context, r *sdk.DescribeRequest) (*sdk.DescribeResponse, error) {
	d.got = r
	return &sdk.DescribeResponse{Providers: d.list}, nil
}

func TestEveryFieldOfADescriptorArrives(t *testing.T) {
	p := &describing{list: []sdk.Descriptor{described()}}
	c, _ := connect(t, p)
	got, err := c.Describe(t.Context(), filled[sdk.DescribeRequest]())
	if err != nil {
		t.Fatal(err)
	}
	if want := filled[sdk.DescribeRequest](); !reflect.DeepEqual(p.got, want) {
		t.Errorf("the plugin got %s", difference(p.got, want))
	}
	want := described()
	want.Capabilities = []sdk.Capability{sdk.CanRefresh, sdk.CanIdentify} // less than it can, and no more
	if len(got.Providers) != 1 || !reflect.DeepEqual(got.Providers[0], want) {
		t.Errorf("the host got %s", difference(got.Providers[0], want))
	}
}
