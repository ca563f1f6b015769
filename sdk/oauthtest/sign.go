// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

const keyID = "oauthtest"

// Signer signs ID tokens with ES256, by a key that is made anew each time.
type Signer struct{ key *ecdsa.PrivateKey }

// NewSigner makes a Signer.
func NewSigner() (*Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return &Signer{key}, nil
}

// Keys is the public half as a JSON Web Key Set (RFC 7517).
func (s *Signer) Keys() (map[string]any, error) {
	point, err := s.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyID,
		"x": b64(point[1:33]), "y": b64(point[33:]),
	}}}, nil
}

// Sign makes a JWT of claims, which must be JSON.
func (s *Signer) Sign(claims map[string]any) string {
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

// AccessTokenHash is the at_hash of an ID token beside this access token.
func AccessTokenHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
