// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
)

// Logged is a request that reached a Server.
type Logged struct {
	Endpoint string
	Method   string
	Grant    string     // grant_type of a token request
	Auth     string     // client authentication: "basic", "body", "both", "none"
	Params   url.Values // query, or body whatever its form; with its secrets
	Header   http.Header
	Status   int // of the answer; zero while there is none
}

// Requests are the requests to an endpoint so far, in their order; endpoint
// "": to all.
func (s *Server) Requests(endpoint string) []Logged {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Logged
	for _, l := range s.log {
		if endpoint == "" || l.Endpoint == endpoint {
			out = append(out, *l)
		}
	}
	return out
}

// Count is the number of token requests with that grant_type so far.
func (s *Server) Count(grant string) int {
	n := 0
	for _, l := range s.Requests(EndpointToken) {
		if l.Grant == grant {
			n++
		}
	}
	return n
}

// maxBody bounds what a request may send.
const maxBody = 1 << 16

// Endpoint serves work as one of the server's endpoints: it logs, fails where a
// fault is due, then works. It is for servers with an outside of their own; it
// reads the request's body.
func (s *Server) Endpoint(endpoint string, work http.HandlerFunc) http.Handler {
	return s.endpoint(endpoint, func(w http.ResponseWriter, r *http.Request, _ *Logged) { work(w, r) })
}

func (s *Server) endpoint(endpoint string, work func(http.ResponseWriter, *http.Request, *Logged)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		l, f, faulty := s.record(endpoint, r)
		rec := &recorder{ResponseWriter: w}
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			l.Status = rec.status
		}()
		if !faulty {
			work(rec, r, l)
			return
		}
		if f.serve(rec, r, s.done) {
			work(&discard{header: http.Header{}}, r, l)
			panic(http.ErrAbortHandler)
		}
	})
}

// record logs a request, and says which fault is due: who finds a request in
// the log knows that it has its fault, and may set the next.
func (s *Server) record(endpoint string, r *http.Request) (*Logged, Fault, bool) {
	l := &Logged{Endpoint: endpoint, Method: r.Method, Header: r.Header.Clone(), Params: params(r)}
	l.Grant = l.Params.Get("grant_type")
	_, _, basic := r.BasicAuth()
	body := l.Params.Get("client_secret") != ""
	switch {
	case basic && body:
		l.Auth = "both"
	case basic:
		l.Auth = "basic"
	case body:
		l.Auth = "body"
	default:
		l.Auth = "none"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, l)
	f, faulty := s.fault(endpoint)
	return l, f, faulty
}

// params reads the query, or a body that is a form or a JSON object of strings.
func params(r *http.Request) url.Values {
	if r.Method == http.MethodGet {
		return r.URL.Query()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return url.Values{}
	}
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '{' {
		var fields map[string]string
		if json.Unmarshal(body, &fields) != nil {
			return url.Values{}
		}
		out := url.Values{}
		for k, v := range fields {
			out.Set(k, v)
		}
		return out
	}
	out, err := url.ParseQuery(string(body))
	if err != nil {
		return url.Values{}
	}
	return out
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// discard takes an answer that nobody gets.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
