// SPDX-License-Identifier: Apache-2.0

package catalog

import "strings"

// publicClients are the public OAuth clients that whoever builds standpipe has
// registered: "github=Iv1.0123,microsoft=0000-…". They are no secret. Set at
// build time:
//
//	make PUBLIC_CLIENTS=github=Iv1.0123
var publicClients string

// publicClient is the client id that this build brings for a provider; empty: none.
func publicClient(provider string) string {
	for pair := range strings.SplitSeq(publicClients, ",") {
		if slug, id, ok := strings.Cut(pair, "="); ok && strings.TrimSpace(slug) == provider {
			return strings.TrimSpace(id)
		}
	}
	return ""
}
