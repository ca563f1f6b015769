// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// The one client that the sandbox knows. It is no secret: it opens nothing but
// made-up accounts.
const (
	ClientID     = "standpipe-sandbox-client"
	ClientSecret = "standpipe-sandbox-secret-that-everybody-knows"
)

// client is the registration of that client, as far as it is the same
// everywhere. Redirects go to the hub's callback of the provider.
func client(slug string) oauthtest.Client {
	return oauthtest.Client{
		ID: ClientID, Secret: ClientSecret, Name: "Standpipe (sandbox)",
		RedirectURIs: []string{"http://127.0.0.1/callback/" + slug}, AnyPort: true, AnyPath: true,
	}
}

// Options configure a Sandbox. The zero value is usable.
type Options struct {
	// StateFile keeps the tokens over a restart, as hashes, with mode 0600;
	// empty: they are lost.
	StateFile string
	// AccessLife is the life of access tokens; zero: the provider's own,
	// less than zero: they never expire, where the provider knows such tokens.
	AccessLife time.Duration
	// GitHubApp makes the client at GitHub a GitHub App instead of an OAuth App
	// from the start, where the state file says nothing else.
	GitHubApp bool
	// Callbacks are further redirect URIs to register at providers that compare
	// them exactly (Salesforce), for a hub on another port.
	Callbacks []string
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Log takes what happens; nil: slog.Default. It never holds a token.
	Log *slog.Logger
}

// player plays one provider, on paths below "/" + slug.
type player interface {
	http.Handler
	slug() string
	name() string
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// Sandbox is an http.Handler that plays every provider. It is safe for
// concurrent use.
type Sandbox struct {
	players []player
	mux     *http.ServeMux
	state   *stateFile
	log     *slog.Logger
}

// New makes a Sandbox and takes up the state file where there is one.
func New(o Options) (*Sandbox, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	google, err := newGoogle(o)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{players: []player{newGitHub(o), google, newSlack(o), newSalesforce(o)}, mux: http.NewServeMux(), log: o.Log}
	s.state = &stateFile{path: o.StateFile, players: s.players}
	if err := s.state.load(); err != nil {
		return nil, err
	}
	for _, p := range s.players {
		s.mux.Handle("/"+p.slug()+"/", http.StripPrefix("/"+p.slug(), s.saved(p)))
	}
	s.mux.HandleFunc("GET /{$}", s.index)
	s.mux.HandleFunc("GET /style.css", style)
	return s, nil
}

// ServeHTTP implements http.Handler. A request by another name than this
// machine's own is refused, so that no web page reaches the sandbox by way of
// a name that it points here (DNS rebinding).
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !loopback((&url.URL{Host: r.Host}).Hostname()) {
		http.Error(w, "the sandbox answers on this machine only", http.StatusMisdirectedRequest)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// saved writes the state down before an answer goes out: a token that somebody
// holds must still be known after a crash.
func (s *Sandbox) saved(p player) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			p.ServeHTTP(w, r)
			return
		}
		held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
		p.ServeHTTP(held, r)
		if err := s.state.save(); err != nil {
			s.log.ErrorContext(r.Context(), "the sandbox cannot keep its state", "error", err)
			http.Error(w, "the sandbox cannot keep its state", http.StatusInternalServerError)
			return
		}
		held.send(w)
	})
}

// index lists what is played.
func (s *Sandbox) index(w http.ResponseWriter, _ *http.Request) {
	type row struct{ Path, Name string }
	var rows []row
	for _, p := range s.players {
		rows = append(rows, row{"/" + p.slug() + "/", p.name()})
	}
	render(w, http.StatusOK, "", "index.html", map[string]any{"Players": rows, "ClientID": ClientID, "DeviceClientID": DeviceClientID, "ClientSecret": ClientSecret})
}
