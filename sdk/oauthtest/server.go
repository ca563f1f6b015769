// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The endpoints, by the names that Fail, Requests and Count take.
const (
	EndpointAuthorize = "authorize"
	EndpointToken     = "token"
	EndpointRevoke    = "revoke"
	EndpointUserinfo  = "userinfo"
	EndpointDevice    = "device"

	EndpointIntrospect = "introspect"
	EndpointMetadata   = "metadata"
	EndpointKeys       = "keys"
)

// Options are what a Server is made of.
type Options struct {
	// URL is where the server is reached, without a last slash; Start fills it in.
	URL     string
	Clients []Client
	Users   []User
	Rules   Rules
	Quirks  Quirks
}

// Server is an authorization server: an http.Handler with /authorize, /token,
// /revoke, /userinfo, /device, /activate, /jwks and OpenID discovery.
type Server struct {
	*Authority
	*Signer
	URL string // also the issuer

	mux  *http.ServeMux
	http *http.Server // of Start
	done chan struct{}

	closing sync.Once

	mu     sync.Mutex
	quirks Quirks
	faults map[string][]Fault
	log    []*Logged
}

// New makes a Server that is reached at options.URL by means of the caller's.
func New(options Options) (*Server, error) {
	signer, err := NewSigner()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Authority: NewAuthority(options.Clients, options.Users, options.Rules),
		URL:       strings.TrimSuffix(options.URL, "/"), Signer: signer, mux: http.NewServeMux(),
		done: make(chan struct{}), quirks: options.Quirks, faults: map[string][]Fault{},
	}
	s.mux.Handle("GET /authorize", s.endpoint(EndpointAuthorize, s.authorize))
	s.mux.Handle("POST /authorize", s.endpoint(EndpointAuthorize, s.decide))
	s.mux.Handle("POST /token", s.endpoint(EndpointToken, s.token))
	s.mux.Handle("POST /revoke", s.endpoint(EndpointRevoke, s.revoke))
	s.mux.Handle("DELETE /tokens", s.endpoint(EndpointRevoke, s.customRevoke))
	s.mux.Handle("GET /userinfo", s.endpoint(EndpointUserinfo, s.userinfo))
	s.mux.Handle("POST /device", s.endpoint(EndpointDevice, s.device))
	s.mux.HandleFunc("GET "+ActivatePath, s.activate)
	s.mux.HandleFunc("POST "+ActivatePath, s.activate)
	s.mux.Handle("POST /introspect", s.endpoint(EndpointIntrospect, s.introspect))
	s.mux.Handle("GET /.well-known/openid-configuration", s.endpoint(EndpointMetadata, s.metadata))
	s.mux.Handle("GET /jwks", s.endpoint(EndpointKeys, s.jwks))
	return s, nil
}

// Start makes a Server on a free port of 127.0.0.1. Close ends it.
func Start(options Options) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the test server: %w", err)
	}
	options.URL = "http://" + listener.Addr().String()
	s, err := New(options)
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Close ends a started server and every request that hangs. It may be called
// again.
func (s *Server) Close() error {
	s.closing.Do(func() { close(s.done) })
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Set changes the quirks while the server runs.
func (s *Server) Set(change func(*Quirks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.quirks)
}

func (s *Server) current() Quirks {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quirks
}

// Fail makes the next n requests to an endpoint fail; n < 0: until Heal.
// Faults queue up.
func (s *Server) Fail(endpoint string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 0 {
		f.Status |= forever
		n = 1
	}
	for range n {
		s.faults[endpoint] = append(s.faults[endpoint], f)
	}
}

// forever marks a fault that stays, in a bit that no status has.
const forever = 1 << 20

// Heal forgets the faults of an endpoint.
func (s *Server) Heal(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.faults, endpoint)
}

// fault takes the fault that is due. s.mu is held.
func (s *Server) fault(endpoint string) (Fault, bool) {
	queue := s.faults[endpoint]
	if len(queue) == 0 {
		return Fault{}, false
	}
	f := queue[0]
	if f.Status&forever == 0 {
		s.faults[endpoint] = queue[1:]
	}
	f.Status &^= forever
	return f, true
}

// Approve consents to an authorization URL as the account of that login,
// without a browser: it returns the callback URL, which the caller fetches.
func (s *Server) Approve(authorizationURL, login string) (string, error) {
	r, err := s.read(authorizationURL)
	if err != nil {
		return "", err
	}
	code, p := s.Authority.Approve(r, login)
	if p != nil {
		return "", p
	}
	return r.Callback(code, s.callbackIssuer(), nil), nil
}

// Deny refuses consent to an authorization URL and returns the callback URL.
func (s *Server) Deny(authorizationURL string) (string, error) {
	r, err := s.read(authorizationURL)
	if err != nil {
		return "", err
	}
	return r.Callback("", s.callbackIssuer(), problem("access_denied", "the user denied the request")), nil
}

func (s *Server) read(authorizationURL string) (*Request, error) {
	u, err := url.Parse(authorizationURL)
	if err != nil {
		return nil, fmt.Errorf("authorization URL: %w", err)
	}
	if got := u.Scheme + "://" + u.Host + u.Path; got != s.URL+"/authorize" {
		return nil, fmt.Errorf("authorization URL: it leads to %s, not to this server", got)
	}
	r, p := s.Check(u.Query())
	if p != nil {
		return nil, p
	}
	return r, nil
}

func (s *Server) callbackIssuer() string {
	switch iss := s.current().CallbackIssuer; iss {
	case "":
		return s.URL
	case "-":
		return ""
	default:
		return iss
	}
}
