// SPDX-License-Identifier: Apache-2.0

package api

import (
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

//go:embed pages
var pageFS embed.FS

// pagePolicy lets a hosted page load its own style and script, and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type pages struct {
	t       *template.Template
	origins string
}

func newPages(embedOrigins []string) *pages {
	return &pages{template.Must(template.ParseFS(pageFS, "pages/*.html")), strings.Join(embedOrigins, " ")}
}

// view is what a page shows. html/template escapes all of it.
type view struct {
	Title  string
	Text   string
	Remedy string
	Tone   string // "good", "bad" or ""
	// Provider, Owner, Scopes: on the connect page.
	Provider, Owner string
	Scopes          []hub.Scope
	// Origins are those of the pages to which the page's script may report, with
	// blanks between.
	Origins string
	// Finish makes the page's script confirm the flow.
	Finish bool
}

func (p *pages) write(w http.ResponseWriter, status int, name string, v view) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	v.Origins = p.origins
	w.WriteHeader(status)
	_ = p.t.ExecuteTemplate(w, name, v) // the client is gone: nobody to tell
}

func (p *pages) failure(w http.ResponseWriter, status int, err error) {
	e := hub.AsError(err)
	p.write(w, status, "message.html", view{Title: "This did not work", Text: e.Message, Remedy: e.Remedy, Tone: "bad"})
}

// elementFile is <standpipe-connect>, for the pages of others.
const elementFile = "standpipe-connect.js"

// pageFile serves the style and the scripts of the hosted pages.
func (a *API) pageFile(w http.ResponseWriter, r *http.Request) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	name := r.PathValue("file")
	b, err := pageFS.ReadFile("pages/" + name)
	kind, ok := types[path.Ext(name)]
	if err != nil || !ok {
		a.notFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if name == elementFile {
		// Pages of other origins load it; it holds nothing of anybody's.
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	_, _ = w.Write(b)
}

// callback takes the browser back from the provider. Whatever came is followed
// by a redirect to a page whose address holds neither code nor state.
func (a *API) callback(w http.ResponseWriter, r *http.Request) {
	if !a.cfg.Flows.Expecting(r.URL.Path) {
		a.pages.failure(w, http.StatusNotFound, hub.Errorf(hub.CodeFlowExpired, "nobody is connecting an account here at the moment").
			WithRemedy("Start again with Connect in Standpipe."))
		return
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		a.pages.failure(w, http.StatusBadRequest, hub.Errorf(hub.CodeFlowMismatch, "the address that the provider sent you to cannot be read"))
		return
	}
	result, err := a.cfg.Flows.Callback(r.Context(), r.URL.Path, q)
	if err != nil {
		a.pages.failure(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Location", "/connected/"+result)
	w.WriteHeader(http.StatusSeeOther)
}

// resultPage tells how a flow went. It shows no account: it may be looked at
// by whoever has the address.
func (a *API) resultPage(w http.ResponseWriter, r *http.Request) {
	f, err := a.cfg.Flows.Result(r.Context(), r.PathValue("result"))
	if err != nil {
		a.pages.failure(w, http.StatusNotFound, err)
		return
	}
	name := f.Integration
	if e, err := a.cfg.Catalog.Get(r.Context(), f.Integration); err == nil {
		name = e.Name()
	}
	v := view{Title: name + " is connected", Text: "You can close this page.", Tone: "good"}
	switch {
	case f.State == hub.FlowFailed && f.Error != nil:
		v = view{Title: name + " was not connected", Text: f.Error.Message, Remedy: f.Error.Remedy, Tone: "bad"}
	case f.State == hub.FlowConfirm && f.Initiator == hub.InitiatorLink:
		v = view{Title: "Connecting " + name, Text: "One moment …", Finish: true}
	case f.State == hub.FlowConfirm:
		v = view{Title: "One step left", Text: "Close this page, and confirm in Standpipe the account that came back.", Tone: "good"}
	case f.State == hub.FlowWaiting:
		v = view{Title: "Connecting " + name, Text: "The provider is still being asked."}
	}
	a.pages.write(w, http.StatusOK, "message.html", v)
}

// connectPage says whose account will be connected with what, before anything
// happens. Looking does not use the link up.
func (a *API) connectPage(w http.ResponseWriter, r *http.Request) {
	req, resolved, err := a.cfg.Flows.PeekLink(r.Context(), r.PathValue("token"))
	if err != nil {
		a.pages.failure(w, errorStatus(hub.AsError(err)), err)
		return
	}
	v := view{Title: "Connect " + resolved.Descriptor.Name, Provider: resolved.Descriptor.Name, Owner: req.Owner.User}
	if req.Owner.Shared {
		v.Owner = req.Owner.Organization
	}
	for _, name := range resolved.Scopes {
		s := hub.Scope{Name: name, Title: name}
		for _, known := range resolved.Descriptor.Scopes {
			if known.Name == name {
				s = known
			}
		}
		v.Scopes = append(v.Scopes, s)
	}
	a.pages.write(w, http.StatusOK, "connect.html", v)
}

// openLink uses the link up. The binding stays in the browser's session
// storage; without it the connection cannot be finished.
func (a *API) openLink(w http.ResponseWriter, r *http.Request) {
	authorizationURL, binding, err := a.cfg.Flows.OpenLink(r.Context(), r.PathValue("token"))
	if err != nil {
		a.writeFailure(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"authorization_url": authorizationURL, "binding": binding})
}

func (a *API) finishLink(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Binding string `json:"binding"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		a.writeFailure(w, r, invalidField("binding", "the request body is not what this page sends"))
		return
	}
	f, err := a.cfg.Flows.FinishLink(r.Context(), r.PathValue("result"), in.Binding)
	if err != nil {
		a.writeFailure(w, r, err)
		return
	}
	account := ""
	if f.Account != nil {
		account = f.Account.Label()
	}
	writeJSON(w, http.StatusOK, map[string]string{"account": account, "connection": f.Connection})
}

// health tells that the hub runs, and nothing else.
func (a *API) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// static serves the page's files to a browser.
func (a *API) static(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		a.notFound(w, r)
		return
	}
	servePage(w, r, a.cfg.Assets, "", "browser")
}
