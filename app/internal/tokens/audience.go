// SPDX-License-Identifier: Apache-2.0

package tokens

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk/secret"
)

// beyondAudience returns for whom an access token is besides the audience that
// it was asked for; empty also where the token does not say, or where none was
// asked for. The claims of a JWT (RFC 9068) are read unverified: they can only
// make the hub keep back what its provider sent.
func beyondAudience(token secret.Value, audience string) []string {
	parts := strings.Split(token.Reveal(), ".")
	if audience == "" || len(parts) != 3 {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return nil
	}
	var list []string
	if json.Unmarshal(claims.Audience, &list) != nil {
		var one string
		if json.Unmarshal(claims.Audience, &one) != nil {
			return nil
		}
		list = []string{one}
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == audience })
}
