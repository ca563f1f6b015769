// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/standpipe/standpipe/sdk/secret"
)

// TestFingerprint is the beginning of an HMAC of the token, however many were
// taken before.
func TestFingerprint(t *testing.T) {
	e := New(Config{FingerprintKey: []byte("key")})
	for _, token := range []string{"a", "another", "a", ""} {
		m := hmac.New(sha256.New, []byte("key"))
		m.Write([]byte(token))
		if got, want := e.fingerprint(secret.New(token)), hex.EncodeToString(m.Sum(nil)[:8]); got != want {
			t.Errorf("of %q: %s, want %s", token, got, want)
		}
	}
}
