// SPDX-License-Identifier: Apache-2.0

package api

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// relayErrors are the statuses that the hub refuses calls of the relay with.
var relayErrors = []int{400, 401, 402, 403, 404, 409, 413, 421, 422, 423, 429, 500, 502, 503}

// documentRelay describes a route of the relay, method by method: the document
// has no word for any. Its types say nothing: bodies are the provider's.
func documentRelay(doc *huma.OpenAPI, r *route) {
	const refused, answered = "RelayRefused", "RelayAnswered"
	anything := map[string]*huma.MediaType{"*/*": {}}
	doc.Components.Responses = map[string]*huma.Response{
		answered: {
			Description: "The provider's answer, of whatever status, without cookies and CORS headers",
			Headers: map[string]*huma.Param{"X-Relay-Upstream-Status": {
				Description: "The provider's status. An answer without this header is the hub's own", Schema: &huma.Schema{Type: huma.TypeInteger},
			}},
			Content: anything,
		},
		refused: {
			Description: "The hub's own answer, which has no X-Relay-Upstream-Status; with that header, it is the provider's",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[relayError](), true, "")}},
		},
	}
	path := strings.Replace(r.path, "{path...}", "{path}", 1)
	for _, method := range relayMethods {
		op := r.operation()
		op.Method, op.Path = method, path
		op.OperationID += method[:1] + strings.ToLower(method[1:])
		op.Responses = map[string]*huma.Response{"default": {Ref: "#/components/responses/" + answered}}
		for _, status := range relayErrors {
			op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refused}
		}
		if method != http.MethodGet && method != http.MethodHead {
			op.RequestBody = &huma.RequestBody{Description: "As it goes to the provider, at most 5 MiB", Content: anything}
		}
		op.Security = keySecurity
		doc.AddOperation(&op)
	}
	doc.Paths[path].Parameters = relayParameters(path)
}

// relayParameters are what says whose account is meant and where the call goes.
func relayParameters(path string) []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	header := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Description: description, Schema: text}
	}
	all := []*huma.Param{
		header("X-Relay-User", "Of an sp_key_: the user whose account is meant, and required"),
		header("X-Relay-Organization", "The organization that the user's connection is of"),
		header("X-Relay-Connection", "Ours: one of several accounts, by its connected_account_id"),
		header("Prefer", "Ours: wait=SECONDS lets the call wait for the user's answer, where it is asked for"),
	}
	if !strings.Contains(path, "{slug}") {
		address := header("X-Relay-URL", "The address to call")
		address.Required = true
		return append(all, address, header("X-Relay-Provider", "The integration, where the address's host does not tell it"))
	}
	return append(all,
		&huma.Param{Name: "slug", In: "path", Required: true, Description: "The integration", Schema: text},
		&huma.Param{Name: "path", In: "path", Required: true, Description: "Below the provider's usual API, slashes as they are; the query goes with it", Schema: text},
	)
}
