// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"html"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// appPolicy is the content security policy of the page.
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; base-uri 'none'; form-action 'none'; frame-src 'none'; frame-ancestors 'none'"

// Window is the page in the native window: for whoever presents the per-launch
// token with which the page is served. Nothing here may decide by RemoteAddr,
// Host or Origin: a web view has none worth the name.
type Window struct {
	Assets fs.FS
	Token  string
	// Hub answers the page's calls: the local surface of the hub in this
	// process, or a proxy to the socket of the one that runs.
	Hub http.Handler
	// Open opens a URL in the system browser, without waiting for it.
	Open func(url string) error
	// Desktop answers what else the page asks of its desktop, below /desktop/.
	Desktop http.Handler
}

// ServeHTTP implements http.Handler.
func (v *Window) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), everyAnswer)
	switch {
	case strings.HasPrefix(r.URL.Path, "/ui/api/"):
		if v.allowed(w, r) {
			// The hub refuses browsers on its local surface; that this one is
			// its own window has just been shown.
			r = r.Clone(r.Context())
			for _, h := range []string{"Origin", "Referer", "Sec-Fetch-Site", contract.SessionHeader} {
				r.Header.Del(h)
			}
			v.Hub.ServeHTTP(w, r)
		}
	case r.URL.Path == "/desktop/open" && r.Method == http.MethodPost:
		if v.allowed(w, r) {
			v.open(w, r)
		}
	case strings.HasPrefix(r.URL.Path, "/desktop/"):
		if v.allowed(w, r) {
			v.Desktop.ServeHTTP(w, r)
		}
	case r.Method == http.MethodGet:
		servePage(w, r, v.Assets, v.Token, "window")
	default:
		writeError(w, http.StatusMethodNotAllowed, hub.Errorf(hub.CodeInvalid, "the method %s is not served here", r.Method))
	}
}

// WriteError and WriteJSON let the Desktop handler answer as the hub does.
func WriteError(w http.ResponseWriter, status int, err *hub.Error) { writeError(w, status, err) }

// WriteJSON answers 200 with a body.
func WriteJSON(w http.ResponseWriter, body any) { writeJSON(w, http.StatusOK, body) }

// allowed wants the token, and no foreign page behind the request: one that
// got into the window could send requests without reading the answers.
func (v *Window) allowed(w http.ResponseWriter, r *http.Request) bool {
	for _, from := range []string{r.Header.Get("Origin"), r.Header.Get("Referer")} {
		if from != "" && !strings.HasPrefix(from, "wails://wails") {
			writeError(w, http.StatusForbidden, hub.Errorf(hub.CodeForbidden, "only the window's own page may do that"))
			return false
		}
	}
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(contract.SessionHeader)), []byte(v.Token)) != 1 {
		writeError(w, http.StatusUnauthorized, hub.Errorf(hub.CodeUnauthorized, "the page belongs to another launch of the window").
			WithRemedy("Close the window and open it again."))
		return false
	}
	return true
}

func (v *Window) open(w http.ResponseWriter, r *http.Request) {
	var in struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in); err != nil ||
		!strings.HasPrefix(in.URL, "https://") && !strings.HasPrefix(in.URL, "http://") {
		writeError(w, http.StatusBadRequest, hub.Errorf(hub.CodeInvalid, "only http and https addresses are opened"))
		return
	}
	if err := v.Open(in.URL); err != nil {
		writeError(w, http.StatusInternalServerError, hub.Errorf(hub.CodeInternal, "the browser could not be started: %v", err).
			WithRemedy("Copy the address into a browser."))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// servePage serves a file of the page; its index with the session token and
// the kind of host filled in.
func servePage(w http.ResponseWriter, r *http.Request, assets fs.FS, token, host string) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	b, err := fs.ReadFile(assets, name)
	if err != nil && name == "index.html" {
		b, err = fs.ReadFile(assets, "placeholder.html")
	}
	if err != nil {
		writeError(w, http.StatusNotFound, hub.Errorf(hub.CodeNotFound, "there is nothing at this path"))
		return
	}
	if name == "index.html" {
		b = bytes.ReplaceAll(b, []byte("%STANDPIPE_SESSION%"), []byte(html.EscapeString(token)))
		b = bytes.ReplaceAll(b, []byte("%STANDPIPE_HOST%"), []byte(html.EscapeString(host)))
	}
	h := w.Header()
	h.Set("Content-Type", typeOf(name))
	h.Set("Content-Security-Policy", appPolicy)
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b)
	}
}

func typeOf(name string) string {
	// Not the system's table, which differs from machine to machine.
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
