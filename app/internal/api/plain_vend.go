// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// plainVend answers a draw of a token in the form that nearly all have, as huma
// would, without what huma does for any form of any request: it decodes a body
// twice, once to hold it against its schema. All else goes to next.
func (a *API) plainVend(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, ok := plainVendInput(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		out, err := a.vendToken(r.Context(), in)
		if err != nil {
			a.writeFailure(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, &out.Body)
	})
}

// maxPlain bounds the texts of a plain request, in bytes: well within what the
// schema allows.
const maxPlain = 64

// maxMinTTL is the schema's maximum of min_ttl: a day, in seconds.
const maxMinTTL = 24 * 60 * 60

// plainVendInput reads a request that cannot but fit its schema; false: huma is
// to say whether it does.
func plainVendInput(r *http.Request) (*vendInput, bool) {
	in := &vendInput{Slug: r.PathValue("slug"), Prefer: r.Header.Get("Prefer")}
	if accept := r.Header.Get("Accept"); accept != "" && accept != "*/*" && accept != "application/json" || len(in.Slug) > maxPlain {
		return nil, false
	}
	body, b := callOf(r.Context()).body, &in.Body
	// A null is not in the schema, and leaves no trace.
	if bytes.Contains(body, []byte("null")) || json.Unmarshal(body, b) != nil {
		return nil, false
	}
	for _, s := range []*string{b.UserID, b.OrganizationID, b.ConnectedAccountID} {
		if s != nil && len(*s) > maxPlain {
			return nil, false
		}
	}
	if b.MinTTL != nil && (*b.MinTTL < 0 || *b.MinTTL > maxMinTTL) {
		return nil, false
	}
	plain := b.ConnectionOwner == nil && b.Scopes == nil && b.Audience == nil && b.Token == nil && b.RefusedToken == nil
	return in, plain
}
