// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"net/http"
	"strings"
	"time"
)

// metadata is OpenID Connect Discovery section 4.2.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request, _ *Logged) {
	q := s.current()
	issuer := q.MetadataIssuer
	if issuer == "" {
		issuer = s.URL
	}
	out := map[string]any{
		"issuer": issuer, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"revocation_endpoint": s.URL + "/revoke", "userinfo_endpoint": s.URL + "/userinfo",
		"device_authorization_endpoint": s.URL + "/device", "jwks_uri": s.URL + "/jwks",
		"introspection_endpoint":   s.URL + "/introspect",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	methods := q.AuthMethods
	if methods == "" {
		methods = map[string]string{
			"": "client_secret_basic client_secret_post none", "basic": "client_secret_basic none", "body": "client_secret_post none",
		}[q.OnlyAuth]
	}
	if methods != "-" {
		out["token_endpoint_auth_methods_supported"] = strings.Fields(methods)
	}
	writeJSON(w, http.StatusOK, out)
}

// jwks is RFC 7517.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request, _ *Logged) {
	keys, err := s.Keys()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, keys)
}

// idToken is OpenID Connect Core section 2, signed with ES256.
func (s *Server) idToken(q Quirks, t *Tokens) string {
	claims := claimsOf(t.User)
	claims["iss"] = s.URL
	claims["aud"] = t.ClientID
	claims["iat"] = t.IssuedAt.Unix()
	claims["exp"] = t.IssuedAt.Add(time.Hour).Unix()
	claims["at_hash"] = AccessTokenHash(t.Access)
	if t.Nonce != "" {
		claims["nonce"] = t.Nonce
	}
	if q.IDToken != nil {
		q.IDToken(claims)
	}
	return s.Sign(claims)
}
