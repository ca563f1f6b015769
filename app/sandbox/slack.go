// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

const (
	slackAccessLife  = 12 * time.Hour      // of rotating tokens
	slackRefreshLife = 30 * 24 * time.Hour // of an app with PKCE

	slackTeam   = "T0DEMO0001"
	slackBot    = "B0DEMO0001"
	slackBotID  = "U0BOT00001"
	slackPrefix = "user:" // before a user scope, here only
)

// slack plays Slack (OAuth v2) with an app that rotates its tokens and has PKCE
// switched on. What it does like Slack: bot and user scopes apart, by commas;
// errors in answers of status 200; a user token beside the bot token, each with
// a refresh token of its own that works once; no bot scopes on a redirect to
// this machine, which needs PKCE and no secret; the workspace in the identity.
type slack struct {
	*site
	mux *http.ServeMux
}

var slackUsers = []oauthtest.User{
	{Subject: "U0DEMO0001", Login: "ada.demo", Name: "Ada (demo)", Email: "ada.demo@example.test"},
	{Subject: "U0DEMO0002", Login: "grace.demo", Name: "Grace (demo)", Email: "grace.demo@example.test"},
}

// slackScopes are known for bots and, with the prefix, for users.
var slackScopes = func() []scopeText {
	texts := []scopeText{
		{Name: "channels:read", Title: "List public channels"}, {Name: "channels:history", Title: "Read messages in public channels"},
		{Name: "groups:read", Title: "List private channels"}, {Name: "groups:history", Title: "Read messages in private channels"},
		{Name: "im:history", Title: "Read direct messages"}, {Name: "im:read", Title: "List direct messages"},
		{Name: "chat:write", Title: "Send messages"}, {Name: "reactions:read", Title: "Read reactions"}, {Name: "reactions:write", Title: "Add reactions"},
		{Name: "files:read", Title: "Read files"}, {Name: "files:write", Title: "Upload and change files"},
		{Name: "users:read", Title: "List the people of the workspace"}, {Name: "users:read.email", Title: "Read their e-mail addresses"},
		{Name: "team:read", Title: "Read the workspace’s name"}, {Name: "commands", Title: "Add slash commands"},
		{Name: "app_mentions:read", Title: "Read messages that mention the app"}, {Name: "incoming-webhook", Title: "Post to one channel"},
		{Name: "search:read", Title: "Search the workspace"},
		{Name: "mpim:history", Title: "Read your group direct messages"},
		{Name: "users.profile:read", Title: "Read profiles of the people of the workspace"},
		{Name: "users.profile:write", Title: "Change your profile and status"},
		{Name: "pins:read", Title: "See pinned messages"},
		{Name: "bookmarks:read", Title: "See bookmarks of channels"},
		{Name: "canvases:read", Title: "Read canvases that you can see"},
		{Name: "canvases:write", Title: "Create, change and delete canvases"},
		{Name: "reminders:read", Title: "See your reminders"},
		{Name: "reminders:write", Title: "Add and remove reminders for you"},
		{Name: "channels:join", Title: "Join public channels"},
		{Name: "channels:manage", Title: "Create, rename and archive public channels"},
		{Name: "im:write", Title: "Begin direct messages"},
		{Name: "chat:write.public", Title: "Send messages to public channels that the bot has not joined"},
		{Name: "chat:write.customize", Title: "Send messages under another name and picture"},
		{Name: "usergroups:read", Title: "See user groups of the workspace"},
		{Name: "emoji:read", Title: "See custom emoji of the workspace"},
		{Name: "links:read", Title: "See links of chosen domains in messages"},
		{Name: "links:write", Title: "Show previews of links in messages"},
		{Name: "pins:write", Title: "Pin and unpin messages"},
	}
	out := slices.Clone(texts)
	for _, t := range texts {
		out = append(out, scopeText{Name: slackPrefix + t.Name, Title: t.Title, Detail: "as you"})
	}
	return out
}()

func newSlack(o Options) *slack {
	life := slackAccessLife
	if o.AccessLife > 0 {
		life = o.AccessLife
	}
	s := &slack{mux: http.NewServeMux(), site: &site{
		switches: &switches{}, id: "slack", title: "Slack", authorizePath: "/oauth/v2/authorize", scopes: slackScopes,
	}}
	s.read = s.readRequest
	app := client(s.slug())
	app.RedirectURIs = []string{"https://localhost/callback/slack", "http://localhost/callback/slack"}
	s.Authority = oauthtest.NewAuthority([]oauthtest.Client{app}, slackUsers, oauthtest.Rules{
		Lives: oauthtest.Lives{Access: life, Refresh: slackRefreshLife}, Rotate: true,
		NewToken: func(kind string) string {
			return map[string]string{
				"access": "xoxe.xoxb-1-", "refresh": "xoxe-1-", "user access": "xoxe.xoxp-1-", "user refresh": "xoxe-1-", "code": "1000000000001.",
			}[kind] + oauthtest.Random()
		},
		Now: o.Now,
	})
	api := http.NewServeMux()
	api.HandleFunc("/api/oauth.v2.access", s.access)
	api.HandleFunc("/api/auth.test", s.test)
	api.HandleFunc("/api/users.info", s.userInfo)
	api.HandleFunc("/api/auth.revoke", s.revoke)
	api.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) { s.fail(w, "unknown_method") })
	s.mux.Handle("/", s.pages())
	s.mux.Handle("/api/", s.troubled(api))
	return s
}

// ServeHTTP implements http.Handler.
func (s *slack) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// fail is how every method answers an error.
func (s *slack) fail(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": code})
}

// readRequest joins the two lists of scopes into one, and keeps Slack's rules
// for redirects to this machine.
func (s *slack) readRequest(q url.Values) (*oauthtest.Request, *oauthtest.Problem) {
	bot := strings.FieldsFunc(q.Get("scope"), func(r rune) bool { return r == ',' })
	scopes := slices.Clone(bot)
	for _, name := range strings.FieldsFunc(q.Get("user_scope"), func(r rune) bool { return r == ',' }) {
		scopes = append(scopes, slackPrefix+name)
	}
	one := url.Values{}
	for k, v := range q {
		if k != "user_scope" {
			one[k] = v
		}
	}
	one.Set("scope", strings.Join(scopes, ","))
	r, p := s.Check(one)
	if p != nil {
		return r, p
	}
	loopback := strings.HasPrefix(r.RedirectURI, "http://")
	switch {
	case len(scopes) == 0 || len(s.known(scopes)) != len(scopes):
		return nil, &oauthtest.Problem{Code: "invalid_scope", Text: "Invalid permissions requested. The scope list is empty or holds an unknown scope; separate scopes by commas."}
	case loopback && r.Challenge == "":
		return nil, &oauthtest.Problem{Code: "bad_redirect_uri", Text: "The redirect_uri must be https, unless the app uses PKCE."}
	case loopback && len(bot) > 0:
		return nil, &oauthtest.Problem{Code: "invalid_scope", Text: "A redirect to this machine cannot ask for bot scopes. Ask for user scopes only, or use an https redirect."}
	}
	return r, nil
}

// access is oauth.v2.access: a code or a refresh token for tokens.
func (s *slack) access(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if r.ParseForm() != nil {
		s.fail(w, "invalid_form_data")
		return
	}
	v := r.Form
	id, secret := v.Get("client_id"), v.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = user, password
	}
	if _, known := s.Client(id); !known {
		s.fail(w, "invalid_client_id")
		return
	}
	// A public client sends no secret; a wrong one is wrong all the same.
	if _, p := s.Authenticate(id, secret); p != nil && secret != "" {
		s.fail(w, "bad_client_secret")
		return
	}
	if v.Get("grant_type") == "refresh_token" {
		t, p := s.Refresh(id, v.Get("refresh_token"), nil)
		if p != nil {
			s.fail(w, "invalid_refresh_token")
			return
		}
		writeJSON(w, http.StatusOK, s.tokens(t))
		return
	}
	t, p := s.Redeem(id, v.Get("code"), v.Get("redirect_uri"), v.Get("code_verifier"))
	switch {
	case p == nil:
	case p.Param == "redirect_uri":
		s.fail(w, "bad_redirect_uri")
		return
	case p.Param == "code_verifier":
		s.fail(w, "invalid_code_verifier")
		return
	case strings.Contains(p.Text, "used before"):
		s.fail(w, "code_already_used")
		return
	default:
		s.fail(w, "invalid_code")
		return
	}
	s.first(w, t)
}

// first writes the answer to a code: the bot's tokens at the top where there
// are any, the user's beside them.
func (s *slack) first(w http.ResponseWriter, t *oauthtest.Tokens) {
	bot, user := slackKinds(t.Scopes)
	out := map[string]any{"ok": true}
	if len(bot) > 0 {
		t.Scopes = bot
		out = s.tokens(t)
		out["bot_user_id"] = slackBotID
	}
	authed := map[string]any{"id": t.User.Subject}
	if len(user) > 0 {
		u, p := s.Branch(t.GrantID, "user", user)
		if p != nil {
			s.fail(w, "internal_error")
			return
		}
		for k, v := range s.tokens(u) {
			if slices.Contains([]string{"access_token", "refresh_token", "expires_in", "scope", "token_type"}, k) {
				authed[k] = v
			}
		}
	}
	out["app_id"], out["authed_user"] = "A0DEMO0001", authed
	out["team"] = map[string]any{"id": slackTeam, "name": "Demo Team"}
	out["enterprise"], out["is_enterprise_install"] = nil, false
	writeJSON(w, http.StatusOK, out)
}

// slackKinds parts scopes into the bot's and the user's.
func slackKinds(scopes []string) (bot, user []string) {
	for _, name := range scopes {
		if strings.HasPrefix(name, slackPrefix) {
			user = append(user, name)
		} else {
			bot = append(bot, name)
		}
	}
	return bot, user
}

func (s *slack) tokens(t *oauthtest.Tokens) map[string]any {
	bot, user := slackKinds(t.Scopes)
	out := map[string]any{
		"ok": true, "access_token": t.Access, "refresh_token": t.Refresh, "expires_in": max(int(t.ExpiresIn/time.Second), 1),
		"token_type": "bot", "scope": strings.Join(bot, ","), "team": map[string]any{"id": slackTeam, "name": "Demo Team"},
	}
	if t.Name == "user" {
		out["token_type"], out["scope"] = "user", strings.ReplaceAll(strings.Join(user, ","), slackPrefix, "")
	}
	return out
}

// caller is whose token a method was called with.
func (s *slack) caller(w http.ResponseWriter, r *http.Request) (string, oauthtest.Info, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if access == "" {
		access = r.FormValue("token")
	}
	if access == "" {
		s.fail(w, "not_authed")
		return "", oauthtest.Info{}, false
	}
	info, ok := s.Lookup(access)
	if !ok {
		s.fail(w, "invalid_auth")
		return "", oauthtest.Info{}, false
	}
	return access, info, true
}

// test is auth.test.
func (s *slack) test(w http.ResponseWriter, r *http.Request) {
	_, info, ok := s.caller(w, r)
	if !ok {
		return
	}
	out := map[string]any{
		"ok": true, "url": "https://demo-team.slack.com/", "team": "Demo Team", "team_id": slackTeam,
		"user": "standpipe", "user_id": slackBotID, "bot_id": slackBot, "is_enterprise_install": false,
	}
	if info.Name == "user" {
		out["user"], out["user_id"] = info.User.Login, info.User.Subject
		delete(out, "bot_id")
	}
	writeJSON(w, http.StatusOK, out)
}

// userInfo is users.info: anybody of the workspace, for a token that may list
// its people.
func (s *slack) userInfo(w http.ResponseWriter, r *http.Request) {
	_, info, ok := s.caller(w, r)
	if !ok {
		return
	}
	if !slices.Contains(info.Scopes, "users:read") && !slices.Contains(info.Scopes, slackPrefix+"users:read") {
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": "missing_scope", "needed": "users:read", "provided": strings.Join(info.Scopes, ",")})
		return
	}
	i := slices.IndexFunc(slackUsers, func(u oauthtest.User) bool { return u.Subject == r.FormValue("user") })
	if i < 0 {
		s.fail(w, "user_not_found")
		return
	}
	u := slackUsers[i]
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "user": map[string]any{
		"id": u.Subject, "team_id": slackTeam, "name": u.Login, "real_name": u.Name, "deleted": false, "is_bot": false,
		"profile": map[string]any{"real_name": u.Name, "display_name": u.Name, "image_192": s.pictureURL(r, u), "image_72": s.pictureURL(r, u)},
	}})
}

// revoke is auth.revoke: this token, and no other.
func (s *slack) revoke(w http.ResponseWriter, r *http.Request) {
	access, info, ok := s.caller(w, r)
	if !ok {
		return
	}
	s.Revoke(info.ClientID, access)
	writeJSON(w, http.StatusOK, map[string]any{"ok": true, "revoked": true})
}
