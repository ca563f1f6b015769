// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// WriteProvider writes the JSON of a declared provider as a file of which
// LoadProviders makes the same: the way back. Each line of comment stands above
// it. What a definition cannot hold is an error.
//
// HCL knows texts in Unicode's form NFC only; others are read back in it.
func WriteProvider(definition []byte, comment ...string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(definition))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	slug, _ := fields["slug"].(string)
	if !slugPattern.MatchString(slug) {
		return nil, fmt.Errorf("%q is no name for a provider", slug)
	}
	delete(fields, "slug")
	file := hclwrite.NewEmptyFile()
	if err := writeFields(file.Body().AppendNewBlock("provider", []string{slug}).Body(), providerSchema, fields); err != nil {
		return nil, fmt.Errorf("provider %q: %w", slug, err)
	}
	var out bytes.Buffer
	for _, line := range comment {
		fmt.Fprintln(&out, "#", line)
	}
	if len(comment) > 0 {
		out.WriteByte('\n')
	}
	_, err := file.WriteTo(&out)
	return out.Bytes(), err
}

// leading are the fields that a reader looks for first, in their order.
var leading = []string{"name", "title", "description", "issuer", "url", "authorize_url", "token_url"}

// writeFields writes the attributes of a level, then its blocks.
func writeFields(body *hclwrite.Body, sc schema, fields map[string]any) error {
	left := maps.Clone(fields)
	names := slices.SortedFunc(maps.Keys(sc), func(a, b string) int {
		return cmp.Or(boolean(sc[a].block())-boolean(sc[b].block()), place(a)-place(b), cmp.Compare(a, b))
	})
	for _, name := range names {
		f, key := sc[name], sc[name].key(name)
		v, ok := left[key]
		if !ok {
			continue
		}
		delete(left, key)
		if err := writeField(body, name, f, v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		return fmt.Errorf("a definition has no field %q", key)
	}
	return nil
}

func place(name string) int {
	if i := slices.Index(leading, name); i >= 0 {
		return i
	}
	return len(leading)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func writeField(body *hclwrite.Body, name string, f field, v any) error {
	inner := func(fields any, labels ...string) error {
		m, ok := fields.(map[string]any)
		if !ok {
			return fmt.Errorf("%T is no object", fields)
		}
		body.AppendNewline()
		return writeFields(body.AppendNewBlock(name, labels).Body(), f.sub, m)
	}
	switch f.kind {
	case kBlock:
		return inner(v)
	case kNamed:
		m, _ := v.(map[string]any)
		for _, label := range slices.Sorted(maps.Keys(m)) {
			if err := inner(m[label], label); err != nil {
				return err
			}
		}
	case kBlocks:
		list, _ := v.([]any)
		for _, entry := range list {
			m, _ := entry.(map[string]any)
			var labels []string
			if f.label != "" {
				labels = []string{labelOf(m, f.label)}
				m = maps.Clone(m)
				delete(m, f.label)
			}
			if err := inner(m, labels...); err != nil {
				return err
			}
		}
	default:
		value, err := valueOf(v)
		if err != nil {
			return err
		}
		body.SetAttributeValue(name, value)
	}
	return nil
}

// valueOf is a JSON value as HCL writes it.
func valueOf(v any) (cty.Value, error) {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v), nil
	case bool:
		return cty.BoolVal(v), nil
	case json.Number:
		return cty.ParseNumberVal(v.String())
	case []any:
		if len(v) == 0 {
			return cty.EmptyTupleVal, nil
		}
		list := make([]cty.Value, len(v))
		for i := range v {
			var err error
			if list[i], err = valueOf(v[i]); err != nil {
				return cty.NilVal, err
			}
		}
		return cty.TupleVal(list), nil
	case map[string]any:
		table := make(map[string]cty.Value, len(v))
		for key := range v {
			var err error
			if table[key], err = valueOf(v[key]); err != nil {
				return cty.NilVal, err
			}
		}
		return cty.ObjectVal(table), nil
	}
	return cty.NilVal, fmt.Errorf("%T cannot be written", v)
}
