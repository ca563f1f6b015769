// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/api"
	"github.com/standpipe/standpipe/app/internal/hub"
)

// TestAnswersFitTheDocument: what the hub answers is what docs/openapi.yaml says,
// for whoever makes a client from it: no field more, none less, none of another
// type.
func TestAnswersFitTheDocument(t *testing.T) {
	raw, err := api.OpenAPIJSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	h.upstream = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/broken") {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, `{"of":"the provider"}`)
	})
	h.connected(hub.Me)
	h.connected(hub.Owner{User: "user_7"})
	caller := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer", Mode: hub.GrantRelay}}})
	app, none, server := h.app(hub.NewApp{Grants: []hub.Grant{{Integration: "peer"}}}), h.app(hub.NewApp{}), h.app(hub.NewApp{Kind: hub.AppServer})
	const (
		statusHeader = "X-Relay-Upstream-Status"

		token     = "/data-integrations/{slug}/token"
		account   = "/user_management/users/{user_id}/connected_accounts/{slug}"
		relayed   = "/relay/{slug}/{path}"
		providers = "/user_management/users/{user_id}/data_providers"
	)
	for _, c := range []struct {
		method, path, at, key, body string
		status                      int
		header                      []string
	}{
		{"POST", token, "peer", app, `{}`, 200, nil},
		{"POST", token, "peer", server, `{"user_id":"user_8"}`, 200, nil},
		{"POST", token, "peer", server, `{}`, 400, nil},
		{"POST", token, "peer", "sp_app_wrong", `{}`, 401, nil},
		{"POST", token, "peer", none, `{}`, 403, nil},
		{"POST", token, "nobody", app, `{}`, 404, nil},
		{"POST", "/data-integrations/{slug}/credentials", "peer", app, `{}`, 200, nil},
		{"POST", "/data-integrations/{slug}/authorize", "peer", server, `{"user_id":"user_8"}`, 200, nil},
		{"GET", providers, "user_7", server, "", 200, nil},
		{"GET", providers, "user_8", server, "", 200, nil},
		{"GET", account, "user_7 peer", server, "", 200, nil},
		{"GET", account, "user_8 peer", server, "", 404, nil},
		{"POST", "/apps/pair", "", "", `{"name":"Editor","grants":[{"integration":"peer"}]}`, 201, nil},
		{"POST", "/apps/pair/collect", "", "sp_pair_wrong", `{}`, 401, nil},
		{"POST", "/hello", "", "", `{"nonce":"x"}`, 400, nil},
		{"GET", relayed, "peer user", caller, "", 418, nil},
		{"DELETE", relayed, "peer user", caller, "", 418, nil},
		{"PATCH", "/relay", "", caller, `{}`, 418, []string{"X-Relay-URL", "http://api.p.test/eu/user"}},
		{"POST", "/relay", "", caller, `{}`, 400, nil},
		{"POST", relayed, "peer user", "sp_app_wrong", `{}`, 401, nil},
		{"POST", relayed, "peer user", server, `{}`, 402, []string{"X-Relay-User", "bob"}},
		{"POST", relayed, "peer user", none, `{}`, 403, nil},
		{"PUT", relayed, "nobody user", caller, `{}`, 404, nil},
		{"GET", relayed, "peer broken", caller, "", 502, nil},
	} {
		target := c.path
		for _, value := range strings.Fields(c.at) {
			i, j := strings.Index(target, "{"), strings.Index(target, "}")
			target = target[:i] + value + target[j+1:]
		}
		head := c.header
		if c.body != "" {
			head = append(head, "Content-Type", "application/json")
		}
		if c.key != "" {
			head = append(head, "Authorization", "Bearer "+c.key)
		}
		r := send(h.App(), c.method, target, c.body, head...)
		body := decode(t, r)
		name := fmt.Sprintf("%s %s %d", c.method, target, r.StatusCode)
		if r.StatusCode != c.status {
			t.Errorf("%s, want %d: %v", name, c.status, body)
			continue
		}
		answer, ok := doc.response(c.path, c.method, c.status)
		if !ok {
			t.Errorf("%s is not in the document", name)
			continue
		}
		if by := r.Header.Get(statusHeader); (answer.Headers[statusHeader] != nil) != (by != "") {
			t.Errorf("%s: the provider answered %q, and the document says otherwise", name, by)
		}
		for _, media := range answer.Content {
			for _, problem := range doc.misfits(media.Schema, body, "") {
				t.Errorf("%s: %s", name, problem)
			}
		}
	}
}

// document is what the test reads of an OpenAPI document.
type document struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas   map[string]schema
		Responses map[string]response
	}
}

type response struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]struct{ Schema schema }
}

// response is what an operation answers with a status.
func (d *document) response(path, method string, status int) (response, bool) {
	var op struct{ Responses map[string]response }
	if json.Unmarshal(d.Paths[path][strings.ToLower(method)], &op) != nil {
		return response{}, false
	}
	r, ok := op.Responses[strconv.Itoa(status)]
	if !ok {
		r, ok = op.Responses["default"]
	}
	if name, shared := strings.CutPrefix(r.Ref, "#/components/responses/"); shared {
		r, ok = d.Components.Responses[name]
	}
	return r, ok
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	OneOf                []schema
	Properties           map[string]schema
	Required             []string
	AdditionalProperties any
	Items                *schema
	Enum                 []any
}

// misfits compares a value with a schema: types, required and unknown fields,
// and enumerations.
func (d *document) misfits(s schema, v any, at string) (out []string) {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
	}
	if len(s.OneOf) > 0 {
		for _, one := range s.OneOf {
			found := d.misfits(one, v, at)
			if len(found) == 0 {
				return nil
			}
			out = append(out, found...)
		}
		return out
	}
	types, _ := s.Type.([]any)
	if s.Type != nil && types == nil {
		types = []any{s.Type}
	}
	is := "null"
	switch v := v.(type) {
	case map[string]any:
		is = "object"
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				out = append(out, at+"."+name+" is missing")
			}
		}
		for name, field := range v {
			if known, ok := s.Properties[name]; ok {
				out = append(out, d.misfits(known, field, at+"."+name)...)
			} else if s.AdditionalProperties == false {
				out = append(out, at+"."+name+" is not in the document")
			}
		}
	case []any:
		is = "array"
		for i, item := range v {
			if s.Items != nil {
				out = append(out, d.misfits(*s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case string:
		is = "string"
	case bool:
		is = "boolean"
	case float64:
		if is = "number"; slices.Contains(types, any("integer")) {
			is = "integer"
		}
	}
	if len(types) > 0 && !slices.Contains(types, any(is)) {
		out = append(out, fmt.Sprintf("%s is of type %s, and the document says %v", at, is, types))
	}
	if s.Enum != nil && !slices.Contains(s.Enum, v) {
		out = append(out, fmt.Sprintf("%s is %v, and the document says one of %v", at, v, s.Enum))
	}
	return out
}
