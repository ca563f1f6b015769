// SPDX-License-Identifier: Apache-2.0

// Package oauth holds the building blocks of provider plugins: an HTTP client
// that the host dials for, and Standard, a provider given as data.
//
// A plain provider is a value:
//
//	sdk.Serve(&oauth.Standard{
//		Descriptor:   sdk.Descriptor{Slug: "example", Name: "Example", Scopes: …},
//		AuthorizeURL: "https://example.com/oauth/authorize",
//		TokenURL:     "https://example.com/oauth/token",
//		Identity:     &oauth.Identity{URL: "https://example.com/api/me", Subject: "id", Login: "login"},
//		Revocation:   &oauth.Revocation{URL: "https://example.com/oauth/revoke"},
//	})
//
// What the package keeps to, whoever calls it: the way of client
// authentication is stated and never probed; a request with credentials
// follows no redirect; an answer is read to 1 MiB and a call takes 30 s at
// most; every failure is an *sdk.Error whose text holds neither the answer's
// body nor a secret of the request.
package oauth
