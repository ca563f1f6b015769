// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestMetadataIsRememberedForAWhile, of so many issuers and no more.
func TestMetadataIsRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metadata{}
		m.remember("https://a.test", endpoints{token: "https://a.test/token"})
		time.Sleep(metadataLife - time.Second)
		if ends, ok := m.of("https://a.test"); !ok || ends.token != "https://a.test/token" {
			t.Errorf("a while later: %+v, %v", ends, ok)
		}
		time.Sleep(2 * time.Second)
		if _, ok := m.of("https://a.test"); ok {
			t.Error("it is remembered for too long")
		}
		for i := range 10 * maxMetadata {
			m.remember(fmt.Sprint(i), endpoints{})
		}
		if n := len(m.known); n > maxMetadata {
			t.Errorf("%d issuers are remembered", n)
		}
	})
}
