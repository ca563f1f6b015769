// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

// TestDeriveIsHMAC: the keys are those that crypto/hmac makes.
func TestDeriveIsHMAC(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := [sha256.Size]byte(rapid.SliceOfN(rapid.Byte(), sha256.Size, sha256.Size).Draw(t, "secret"))
		what := rapid.SampledFrom([]string{"line", "next"}).Draw(t, "what")
		m := hmac.New(sha256.New, secret[:])
		m.Write([]byte(what))
		if got := derive(&secret, what); !hmac.Equal(got[:], m.Sum(nil)) {
			t.Errorf("derive(%x, %q) = %x", secret, what, got)
		}
	})
}
