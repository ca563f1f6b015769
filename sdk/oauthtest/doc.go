// SPDX-License-Identifier: Apache-2.0

// Package oauthtest is an authorization server to test OAuth clients against.
// It keeps the real rules (exact redirect URIs, PKCE, codes that work once and
// for a minute at most, client authentication, rotation, reuse detection) and
// has switches for the ways in which real providers differ.
//
//	srv, err := oauthtest.Start(oauthtest.Options{
//		Clients: []oauthtest.Client{{ID: "app", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1/cb"}, AnyPort: true}},
//		Users:   []oauthtest.User{{Subject: "1", Login: "octocat"}},
//		Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true, ReuseRevokes: true},
//	})
//	defer srv.Close()
//	callback, err := srv.Approve(authorizationURL, "octocat")
//
// Authority is the state and the rules without HTTP, for servers with an
// outside of their own. Nothing here imports testing, so that a program may
// contain it. Everything is safe for concurrent use.
package oauthtest
