// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// maxBody bounds a request body; bodyTimeout how long it may take to arrive.
const (
	maxBody     = 64 << 10
	bodyTimeout = 5 * time.Second
)

// build makes the handler of a surface: its routes, each behind its guard, and
// an answer for everything else.
func (a *API) build(s surface, schemas huma.Registry) http.Handler {
	mux := http.NewServeMux()
	g := &guarded{mux: mux}
	c := humaConfig(a.cfg.Version)
	c.Components.Schemas = schemas
	doc := humago.New(g, c)
	methods := map[string][]string{} // by path
	for _, r := range routes {
		if !slices.Contains(s.classes, r.class) {
			continue
		}
		guard := a.guard(s, r.class)
		if !r.always {
			guard = chain(guard, a.unlocked(r.class))
		}
		methods[r.path] = append(methods[r.path], r.method)
		if r.raw != nil {
			mux.Handle(strings.TrimSpace(r.method+" "+r.path), guard(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.raw(a, w, q) })))
			continue
		}
		g.guard = guard
		if r.plain != nil {
			g.guard = chain(guard, func(next http.Handler) http.Handler { return r.plain(a, next) })
		}
		r.typed(a, doc, r.operation())
	}
	rest := a.guard(s, restClass(s))
	if s.name == surfaceApp.name {
		for _, pattern := range notImplemented {
			mux.Handle(pattern, rest(http.HandlerFunc(a.notBuilt)))
		}
	}
	for p, m := range methods {
		if !slices.Contains(m, "") {
			mux.Handle(p, rest(methodNotAllowed(m)))
		}
	}
	if !slices.Contains(s.classes, classStatic) {
		mux.Handle("/", rest(http.HandlerFunc(a.notFound)))
	}
	return mux
}

func (r *route) operation() huma.Operation {
	return huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Summary: r.summary, DefaultStatus: r.status,
		Tags:            []string{string(r.class)},
		MaxBodyBytes:    maxBody,
		BodyReadTimeout: -1, // the guard has read the body already
	}
}

// restClass is the class whose guard stands before what is not there: an
// unknown path is told only to those who may know.
func restClass(s surface) class {
	if s.name == surfaceApp.name {
		return classApp
	}
	return s.classes[len(s.classes)-1]
}

// guarded puts the guard of the route being registered around huma's handler.
type guarded struct {
	mux   *http.ServeMux
	guard func(http.Handler) http.Handler
}

func (g *guarded) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.mux.Handle(pattern, g.guard(http.HandlerFunc(h)))
}

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// guard returns the guard of a class on a surface.
func (a *API) guard(s surface, c class) func(http.Handler) http.Handler {
	switch {
	case s.name == surfaceLocal.name: // the caller is proven; refuse browsers all the same
		return chain(refuseBrowsers, readBody)
	case c == classApp:
		return chain(refuseBrowsers, refuseQueryCredentials, refuseLarge, a.authenticate, readBody)
	case c == classRelay:
		return chain(refuseBrowsers, refuseKeysInQuery, a.authenticate, relayBody)
	case c == classUI:
		return chain(refuseLarge, a.session, readBody)
	case c == classPairing:
		return chain(refuseBrowsers, refuseQueryCredentials, refuseLarge, readBody)
	case c == classLogin, c == classPage:
		return chain(refuseLarge, http.NewCrossOriginProtection().Handler, readBody)
	default: // callback, health, static: GET only, nothing to protect but by what they check themselves
		return chain(refuseLarge)
	}
}

func chain(m ...func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		for _, f := range slices.Backward(m) {
			h = f(h)
		}
		return h
	}
}

// outer stands before routing: headers that every answer has, the exact Host
// (nil: any), odd paths, OPTIONS, and panics.
func (a *API) outer(hosts map[string]bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, everyAnswer)
		of := &call{id: a.cfg.NewID("req")}
		h["X-Request-Id"] = []string{of.id}
		r = r.WithContext(context.WithValue(r.Context(), callKey{}, of))
		defer a.recover(w, r)
		if r.ContentLength != 0 {
			// Also for a request that is refused unread: net/http would wait
			// for the rest of its body. readBody lifts the deadline.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
		}
		switch {
		case hosts != nil && !hosts[r.Host]:
			writeError(w, http.StatusMisdirectedRequest, hub.Errorf(hub.CodeInvalid, "this server does not answer to the host name in the request").
				WithRemedy("Use http://%s.", a.cfg.Listen))
		case hosts != nil && a.cfg.Peer != nil && a.stranger(w, r):
		case r.Method == http.MethodOptions || r.Method == http.MethodTrace || r.Method == http.MethodConnect:
			writeError(w, http.StatusMethodNotAllowed, hub.Errorf(hub.CodeInvalid, "the method %s is not served", r.Method))
		case oddPath(r.URL):
			writeError(w, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "the path is not in its plain form"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// stranger refuses a program of another user of this machine.
func (a *API) stranger(w http.ResponseWriter, r *http.Request) bool {
	err := a.cfg.Peer(r.Context())
	if err != nil {
		a.writeFailure(w, r, err)
	}
	return err != nil
}

// everyAnswer are the headers of every answer, errors included. A page
// replaces the policy by its own. Its lists are shared and never changed.
var everyAnswer = http.Header{
	"Cache-Control":                {"no-store"},
	"X-Content-Type-Options":       {"nosniff"},
	"X-Frame-Options":              {"DENY"},
	"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
}

// exactHosts lists the Host values of a loopback listener and of the origin in
// front of it.
func exactHosts(listen, baseURL string) map[string]bool {
	hosts := map[string]bool{}
	if host, port, err := net.SplitHostPort(listen); err == nil {
		for _, h := range []string{host, "127.0.0.1", "localhost", "::1"} {
			hosts[net.JoinHostPort(h, port)] = true
		}
	}
	if u, err := url.Parse(baseURL); err == nil && u.Host != "" {
		hosts[u.Host] = true
	}
	return hosts
}

// oddPath finds what could be read differently by two readers.
func oddPath(u *url.URL) bool {
	clean := path.Clean(u.Path)
	return u.Path == "" || u.Path != clean && u.Path != clean+"/" || strings.ContainsRune(u.Path, 0) || oddEscape.MatchString(u.EscapedPath())
}

// oddEscape finds what no client has to escape, letters and digits above all
// (RFC 3986 section 2.3), and escaped separators.
var oddEscape = regexp.MustCompile(`(?i)%(2f|5c|2d|2e|3[0-9]|4[1-9a-f]|5[0-9a]|5f|6[1-9a-f]|7[0-9a]|7e)`)

// refuseBrowsers: an app is no web page. A browser sends Origin or
// Sec-Fetch-Site with whatever a page makes it send, and Referer with most.
func refuseBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site := r.Header.Get("Sec-Fetch-Site")
		if r.Header.Values("Origin") != nil || r.Header.Values("Referer") != nil || site != "" && site != "none" {
			writeError(w, http.StatusForbidden, hub.Errorf(hub.CodeForbidden, "web pages may not call this API").
				WithRemedy("Call it from a program, without Origin, Referer or Sec-Fetch-Site headers."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseQueryCredentials: RFC 6750 section 2.3 warns of keys in URLs.
func refuseQueryCredentials(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			next.ServeHTTP(w, r)
			return
		}
		q := r.URL.Query()
		if q.Has("access_token") || q.Has("api_key") || q.Has("key") {
			writeError(w, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "keys do not belong into the URL, where logs keep them").
				WithRemedy("Send the header Authorization: Bearer <key>, and replace this key by a new one."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuseLarge(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBody {
			w.Header().Set("Connection", "close") // and do not wait for the body
			writeError(w, http.StatusRequestEntityTooLarge, tooLarge())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tooLarge() *hub.Error {
	return hub.Errorf(hub.CodeInvalid, "the request body is larger than %d KiB", maxBody>>10)
}

// readBody takes the whole body in, bounded in size (and in time, by outer), and
// wants it to be JSON. Afterwards no read deadline is left that could end a
// slow answer.
func readBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		body, err := bodyOf(w, r)
		if err == nil {
			// Else it stays: net/http would wait for the rest without an end.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			writeError(w, http.StatusRequestEntityTooLarge, tooLarge())
			return
		}
		if err != nil {
			w.Header().Set("Connection", "close")
			writeError(w, http.StatusRequestTimeout, hub.Errorf(hub.CodeInvalid, "the request body did not arrive"))
			return
		}
		if !isJSON(r.Header.Get("Content-Type")) && (len(body) > 0 || r.Method != http.MethodDelete) {
			writeError(w, http.StatusUnsupportedMediaType, hub.Errorf(hub.CodeInvalid, "the request body is not JSON").
				WithRemedy("Send the header Content-Type: application/json."))
			return
		}
		callOf(r.Context()).body = body
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		next.ServeHTTP(w, r)
	})
}

// bodyOf reads a body of at most maxBody bytes.
func bodyOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n >= 0 && n <= maxBody { // net/http sees to it that it is no longer
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}

func isJSON(contentType string) bool {
	const want = "application/json"
	if contentType == want { // as nearly everybody sends it
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == want
}

// unlocked lets nobody through while the hub is locked.
func (a *API) unlocked(c class) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case !a.cfg.Lock.Locked():
				next.ServeHTTP(w, r)
			case c == classCallback || c == classPage && r.Method == http.MethodGet:
				a.pages.failure(w, hub.OutcomeOf(hub.CodeLocked).HTTP, locked())
			default:
				a.writeFailure(w, r, locked())
			}
		})
	}
}

func locked() error {
	return hub.Errorf(hub.CodeLocked, "the hub is locked").WithRemedy("Unlock it in the window, or with `standpipe unlock`.")
}

// call is what is known of a request: written by its guards, then read.
type call struct {
	id   string
	app  *hub.App
	body []byte
}

type callKey struct{}

// callOf returns an empty call where no guard was passed.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// authenticate proves which app calls.
func (a *API) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") || key == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="standpipe"`)
			writeError(w, http.StatusUnauthorized, hub.Errorf(hub.CodeUnauthorized, "the request has no key").
				WithRemedy("Send the header Authorization: Bearer <key>; `standpipe apps add` makes one."))
			return
		}
		app, err := a.cfg.Access.Authenticate(r.Context(), strings.TrimSpace(key))
		if err != nil {
			if hub.AsError(err).Code == hub.CodeUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="standpipe", error="invalid_token"`)
			}
			a.writeFailure(w, r, err)
			return
		}
		callOf(r.Context()).app = app
		next.ServeHTTP(w, r)
	})
}

// appOf is the app that authenticate found.
func appOf(ctx context.Context) *hub.App { return callOf(ctx).app }

// session proves that the page was logged in.
func (a *API) session(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.cfg.Sessions.Check(r.Context(), r.Header.Get(contract.SessionHeader)); err != nil {
			a.writeFailure(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, hub.Errorf(hub.CodeNotFound, "there is nothing at this path"))
}

func (a *API) notBuilt(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, hub.Errorf(hub.CodeNotImplemented, "this part of the API is not built yet"))
}

func methodNotAllowed(allow []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(allow, ", "))
		writeError(w, http.StatusMethodNotAllowed, hub.Errorf(hub.CodeInvalid, "the method %s is not served here", r.Method))
	})
}
