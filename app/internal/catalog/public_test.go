// SPDX-License-Identifier: Apache-2.0

package catalog

import "testing"

func TestPublicClient(t *testing.T) {
	publicClients = "github=Iv1.0123, microsoft=0000"
	defer func() { publicClients = "" }()
	for provider, want := range map[string]string{"github": "Iv1.0123", "microsoft": "0000", "google": "", "": ""} {
		if got := publicClient(provider); got != want {
			t.Errorf("%s: %q, want %q", provider, got, want)
		}
	}
}
