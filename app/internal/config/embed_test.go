// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"testing"
)

func TestEmbedOrigins(t *testing.T) {
	load := func(list string) (*Config, Diagnostics) {
		return decode("standpipe.hcl", t.TempDir(), []byte("embed {\n  origins = "+list+"\n}\n"))
	}
	c, diags := load(`["https://app.example.com", "http://127.0.0.1:3000", "http://localhost:3000"]`)
	if len(diags) > 0 || !slices.Equal(c.EmbedOrigins, []string{"https://app.example.com", "http://127.0.0.1:3000", "http://localhost:3000"}) {
		t.Errorf("%v %v", c, diags)
	}
	for _, bad := range []string{
		`["*"]`, `["https://app.example.com/"]`, `["http://app.example.com"]`, `["https://*.example.com"]`, `["null"]`, `["file:///x"]`,
	} {
		if _, diags := load(bad); !diags.HasErrors() || diags[0].Line != 2 {
			t.Errorf("%s was taken: %v", bad, diags)
		}
	}
}
