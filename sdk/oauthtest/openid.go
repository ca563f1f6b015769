// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

const keyID = "oauthtest"

// metadata is OpenID Connect Discovery section 4.2.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request, _ *Logged) {
	issuer := s.current().MetadataIssuer
	if issuer == "" {
		issuer = s.URL
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": issuer, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"revocation_endpoint": s.URL + "/revoke", "userinfo_endpoint": s.URL + "/userinfo",
		"device_authorization_endpoint": s.URL + "/device", "jwks_uri": s.URL + "/jwks",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	})
}

// jwks is RFC 7517.
func (s *Server) jwks(w http.ResponseWriter, _ *http.Request, _ *Logged) {
	point, err := s.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	b64 := base64.RawURLEncoding.EncodeToString
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyID,
		"x": b64(point[1:33]), "y": b64(point[33:]),
	}}})
}

// idToken is OpenID Connect Core section 2, signed with ES256.
func (s *Server) idToken(q Quirks, t *Tokens) string {
	sum := sha256.Sum256([]byte(t.Access))
	claims := claimsOf(t.User)
	claims["iss"] = s.URL
	claims["aud"] = t.ClientID
	claims["iat"] = t.IssuedAt.Unix()
	claims["exp"] = t.IssuedAt.Add(time.Hour).Unix()
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	if t.Nonce != "" {
		claims["nonce"] = t.Nonce
	}
	if q.IDToken != nil {
		q.IDToken(claims)
	}
	return s.Sign(claims)
}

// Sign makes a JWT of claims with the server's key.
func (s *Server) Sign(claims map[string]any) string {
	b64 := base64.RawURLEncoding.EncodeToString
	header, _ := json.Marshal(map[string]string{"alg": "ES256", "typ": "JWT", "kid": keyID})
	payload, err := json.Marshal(claims)
	if err != nil {
		panic("oauthtest: claims that are no JSON: " + err.Error())
	}
	signed := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(signed))
	r, sig, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		panic("oauthtest: " + err.Error()) // the key is one of ours
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	sig.FillBytes(raw[32:])
	return signed + "." + b64(raw)
}
