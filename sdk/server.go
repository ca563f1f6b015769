// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/standpipe/standpipe/sdk/internal/protocol"
	"github.com/standpipe/standpipe/sdk/internal/providerpb"
)

// NewServer returns the gRPC server that Serve runs, without go-plugin around
// it. It is for tests that want to call a provider over a socket, as plugintest
// does; a plugin's main calls Serve.
func NewServer(p Provider, options ...grpc.ServerOption) *grpc.Server {
	s := newGRPCServer(options)
	register(s, p)
	return s
}

func newGRPCServer(options []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(options,
		grpc.MaxRecvMsgSize(protocol.MaxDescription),
		grpc.MaxSendMsgSize(protocol.MaxDescription),
		grpc.UnaryInterceptor(guard),
	)...)
}

func register(s *grpc.Server, p Provider) {
	providerpb.RegisterProviderServiceServer(s, &server{p: p})
}

// guard stands around every call: it gives the method its logger and its way to
// the network, keeps messages within their limits, and survives a panic.
func guard(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	if _, ours := info.Server.(*server); !ours { // go-plugin's own services
		return next(ctx, req)
	}
	op := path.Base(info.FullMethod)
	limit := protocol.MaxMessage
	if op == "Describe" {
		limit = protocol.MaxDescription
	}
	if size := proto.Size(req.(proto.Message)); size > limit {
		return nil, status.Errorf(codes.ResourceExhausted, "the request has %d bytes, the limit is %d", size, limit)
	}
	log := slog.Default().With("op", op)
	if t, ok := req.(interface{ GetTarget() *providerpb.Target }); ok {
		log = log.With("provider", t.GetTarget().GetProvider())
	}
	if id := protocol.RequestOf(ctx); id != "" {
		log = log.With("request", id)
	}
	ctx = withLogger(ctx, log)
	if d, ok := protocol.FromIncoming(ctx); ok {
		ctx = protocol.WithDial(ctx, d)
	}
	defer func() {
		if v := recover(); v != nil {
			what := panicText(v)
			log.Error("the plugin panicked", "panic", what, "at", panicPlace())
			resp, err = nil, failed(ctx, &Error{Code: CodePluginBug, Message: "the plugin panicked in " + op + ": " + what})
		}
	}()
	if resp, err = next(ctx, req); err != nil {
		return nil, err
	}
	// gRPC would find out too, but then nobody could tell whose fault it was.
	switch b, err := proto.Marshal(resp.(proto.Message)); {
	case err != nil:
		return nil, failed(ctx, &Error{Code: CodePluginBug, Message: "the answer to " + op + " holds text that is not UTF-8"})
	case len(b) > limit:
		return nil, failed(ctx, &Error{Code: CodePluginBug, Message: fmt.Sprintf("the answer to %s has %d bytes, the limit is %d", op, len(b), limit)})
	}
	return resp, nil
}

// panicText describes a panic without its value, which may hold anything. What
// the runtime itself says holds numbers and types only.
func panicText(v any) string {
	if e, ok := v.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a value of type %T", v)
}

// panicPlace is the function and line that panicked: names, no data.
func panicPlace() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for panicking := false; ; {
		f, more := frames.Next()
		switch inRuntime := strings.HasPrefix(f.Function, "runtime."); {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !inRuntime:
			return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), filepath.Base(f.File), f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

// server is the plugin's end of the protocol.
type server struct {
	providerpb.UnimplementedProviderServiceServer
	p Provider
}

// answer calls a method of the provider and encodes what it returns.
func answer[Req, Resp, Out any](ctx context.Context, req *Req, method func(context.Context, *Req) (*Resp, error), encode func(*Resp) *Out) (*Out, error) {
	resp, err := method(ctx, req)
	if err != nil {
		return nil, failed(ctx, err)
	}
	if resp == nil {
		return nil, failed(ctx, &Error{Code: CodePluginBug, Message: "the plugin returned neither an answer nor an error"})
	}
	return encode(resp), nil
}

// lacking answers a call of an optional interface that the provider lacks.
func lacking(ctx context.Context, c Capability) error {
	return failed(ctx, Unsupported(fmt.Sprintf("this provider has no %q", c)))
}

func (s *server) Describe(ctx context.Context, r *providerpb.DescribeRequest) (*providerpb.DescribeResponse, error) {
	return answer(ctx, &DescribeRequest{Definitions: r.GetDefinitions()}, func(ctx context.Context, r *DescribeRequest) (*DescribeResponse, error) {
		resp, problems, err := describe(ctx, s.p, r)
		for _, p := range problems {
			Logger(ctx).Error("a provider was left out", "error", p)
		}
		return resp, err
	}, encodeDescription)
}

func (s *server) Authorize(ctx context.Context, r *providerpb.AuthorizeRequest) (*providerpb.AuthorizeResponse, error) {
	return answer(ctx, decodeAuthorize(r), s.p.Authorize, encodeAuthorize)
}

func (s *server) Exchange(ctx context.Context, r *providerpb.ExchangeRequest) (*providerpb.ExchangeResponse, error) {
	return answer(ctx, decodeExchange(r), s.p.Exchange, encodeExchange)
}

func (s *server) Refresh(ctx context.Context, r *providerpb.RefreshRequest) (*providerpb.RefreshResponse, error) {
	p, ok := s.p.(Refresher)
	if !ok {
		return nil, lacking(ctx, CanRefresh)
	}
	return answer(ctx, decodeRefresh(r), p.Refresh, encodeRefresh)
}

func (s *server) Revoke(ctx context.Context, r *providerpb.RevokeRequest) (*providerpb.RevokeResponse, error) {
	p, ok := s.p.(Revoker)
	if !ok {
		return nil, lacking(ctx, CanRevoke)
	}
	return answer(ctx, decodeRevoke(r), p.Revoke, encodeRevoke)
}

func (s *server) Identify(ctx context.Context, r *providerpb.IdentifyRequest) (*providerpb.IdentifyResponse, error) {
	p, ok := s.p.(Identifier)
	if !ok {
		return nil, lacking(ctx, CanIdentify)
	}
	return answer(ctx, decodeIdentify(r), p.Identify, encodeIdentify)
}

func (s *server) StartDevice(ctx context.Context, r *providerpb.StartDeviceRequest) (*providerpb.StartDeviceResponse, error) {
	p, ok := s.p.(DeviceAuthorizer)
	if !ok {
		return nil, lacking(ctx, CanDevice)
	}
	return answer(ctx, decodeStartDevice(r), p.StartDevice, encodeStartDevice)
}

func (s *server) PollDevice(ctx context.Context, r *providerpb.PollDeviceRequest) (*providerpb.PollDeviceResponse, error) {
	p, ok := s.p.(DeviceAuthorizer)
	if !ok {
		return nil, lacking(ctx, CanDevice)
	}
	return answer(ctx, decodePollDevice(r), p.PollDevice, encodePollDevice)
}

func (s *server) ClientCredentials(ctx context.Context, r *providerpb.ClientCredentialsRequest) (*providerpb.ClientCredentialsResponse, error) {
	p, ok := s.p.(ClientCredentialer)
	if !ok {
		return nil, lacking(ctx, CanClientCredentials)
	}
	return answer(ctx, decodeClientCredentials(r), p.ClientCredentials, encodeClientCredentials)
}

func (s *server) Introspect(ctx context.Context, r *providerpb.IntrospectRequest) (*providerpb.IntrospectResponse, error) {
	p, ok := s.p.(Introspector)
	if !ok {
		return nil, lacking(ctx, CanIntrospect)
	}
	return answer(ctx, decodeIntrospect(r), p.Introspect, encodeIntrospect)
}

func (s *server) Check(ctx context.Context, r *providerpb.CheckRequest) (*providerpb.CheckResponse, error) {
	p, ok := s.p.(Checker)
	if !ok {
		return nil, lacking(ctx, CanCheck)
	}
	return answer(ctx, decodeCheck(r), p.Check, encodeCheck)
}
