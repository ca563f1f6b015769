// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// nonceLength is how many bytes a client draws for its challenge.
const nonceLength = 32

type proveInput struct {
	Body struct {
		Nonce string `json:"nonce" minLength:"43" maxLength:"43" doc:"32 random bytes, base64url without padding"`
	}
}

type proveOutput struct {
	Body struct {
		Object string `json:"object" enum:"proof"`
		Proof  string `json:"proof" doc:"HMAC-SHA256, base64url without padding"`
	}
}

// prove shows that this is the hub of the discovery file, and no other program
// that took its port, before a client sends its key: only who can read the
// file, which is its user's, has the server key in it. The address is a part
// of the proof, so that it cannot be fetched from here by a stranger elsewhere.
func (a *API) prove(_ context.Context, in *proveInput) (*proveOutput, error) {
	nonce, err := base64.RawURLEncoding.DecodeString(in.Body.Nonce)
	if err != nil || len(nonce) != nonceLength {
		return nil, invalidField("nonce", "the nonce is not 32 bytes in base64url")
	}
	out := &proveOutput{}
	out.Body.Object = "proof"
	out.Body.Proof = base64.RawURLEncoding.EncodeToString(Proof(a.cfg.ServerKey, a.cfg.Listen, nonce))
	return out, nil
}

// Proof is what the hub that listens at an address (host:port, as in the
// discovery file) answers to a nonce.
func Proof(serverKey []byte, address string, nonce []byte) []byte {
	m := hmac.New(sha256.New, serverKey)
	m.Write([]byte("standpipe hello v1\x00" + address + "\x00"))
	m.Write(nonce)
	return m.Sum(nil)
}
