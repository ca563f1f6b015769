// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// maxDoc bounds a file that a definition takes in: an icon.
const maxDoc = 8 << 10

// fields turns a body into the JSON fields that its schema names.
func (d *decoder) fields(b *hclsyntax.Body, sc schema, beside fs.FS) map[string]any {
	out := map[string]any{}
	set, sub := settings{}, blocks{}
	for name, f := range sc {
		key := f.key(name)
		if f.block() {
			sub[name] = func(b *hclsyntax.Block) { d.block(out, key, f, b, beside) }
			continue
		}
		set[name] = func(a *hclsyntax.Attribute) {
			if v, ok := d.field(a, f, beside); ok {
				out[key] = v
			}
		}
	}
	d.body(b, set, sub)
	return out
}

// block puts a block into its parent's fields.
func (d *decoder) block(out map[string]any, key string, f field, b *hclsyntax.Block, beside fs.FS) {
	labels := 0
	if f.label != "" || f.kind == kNamed {
		labels = 1
	}
	if len(b.Labels) != labels {
		how := fmt.Sprintf("Write %s { … }.", b.Type)
		if labels > 0 {
			how = fmt.Sprintf("Write %s \"…\" { … }.", b.Type)
		}
		d.fail(b.DefRange(), fmt.Sprintf("%q has %d names, not %d", b.Type, labels, len(b.Labels)), how)
		return
	}
	in := d.within(b)
	if d.in != "" {
		in.in = d.in + ", " + in.in
	}
	v := in.fields(b.Body, f.sub, beside)
	again := func() {
		d.fail(b.DefRange(), fmt.Sprintf("%s is there twice", strings.TrimPrefix(in.in, d.in+", ")), "Put both into one.")
	}
	switch f.kind {
	case kBlocks:
		list, _ := out[key].([]any)
		if f.label != "" {
			v[f.label] = b.Labels[0]
			if slices.ContainsFunc(list, func(o any) bool { return labelOf(o, f.label) == b.Labels[0] }) {
				again()
			}
		}
		out[key] = append(list, v)
	case kNamed:
		named, _ := out[key].(map[string]any)
		if named == nil {
			named = map[string]any{}
		}
		if named[b.Labels[0]] != nil {
			again()
		}
		named[b.Labels[0]] = v
		out[key] = named
	default:
		if out[key] != nil {
			again()
		}
		out[key] = v
	}
}

// labelOf is the text of a field of an object.
func labelOf(object any, label string) string {
	m, _ := object.(map[string]any)
	s, _ := m[label].(string)
	return s
}

// field is the JSON value of an attribute.
func (d *decoder) field(a *hclsyntax.Attribute, f field, beside fs.FS) (any, bool) {
	switch f.kind {
	case kBool:
		v, ok := d.value(a, cty.Bool, aBool)
		return ok && v.True(), ok
	case kNumber:
		return d.number(a, a.Expr)
	case kTexts:
		var list []string
		d.strings(&list)(a)
		for _, s := range list {
			if f.choices != nil && !slices.Contains(f.choices, s) {
				d.fail(a.Expr.Range(), fmt.Sprintf("%q cannot hold %q", a.Name, clean(s)), didYouMean(s, f.choices))
				return nil, false
			}
		}
		return list, list != nil
	case kNumbers:
		return d.numbers(a)
	case kTable:
		var table map[string]string
		d.table(&table)(a)
		return object(table), table != nil
	case kDuration:
		var v time.Duration
		d.duration(&v, 0, 100*365*24*time.Hour)(a)
		return v.String(), v > 0
	case kDoc:
		if call, ok := a.Expr.(*hclsyntax.FunctionCallExpr); ok {
			return d.doc(call, beside)
		}
	}
	v, ok := d.value(a, cty.String, aText)
	if !ok {
		return nil, false
	}
	s := v.AsString()
	if f.choices != nil && !slices.Contains(f.choices, s) {
		d.fail(a.Expr.Range(), fmt.Sprintf("%q cannot be %q", a.Name, clean(s)), didYouMean(s, f.choices))
		return nil, false
	}
	return s, true
}

func object(table map[string]string) map[string]any {
	out := make(map[string]any, len(table))
	for k, v := range table {
		out[k] = v
	}
	return out
}

// number is a whole number of a size that JSON keeps.
func (d *decoder) number(a *hclsyntax.Attribute, expr hcl.Expression) (any, bool) {
	v, diags := expr.Value(nil)
	if !diags.HasErrors() && v.Type() == cty.Number && v.IsKnown() && !v.IsNull() && !v.IsMarked() {
		if n, exact := v.AsBigFloat().Int64(); exact == 0 && n >= 0 && n < 1<<31 {
			return json.Number(fmt.Sprint(n)), true
		}
	}
	d.fail(expr.Range(), fmt.Sprintf("%q is not a whole number", a.Name), "Write it without quotation marks: 404.")
	return nil, false
}

func (d *decoder) numbers(a *hclsyntax.Attribute) (any, bool) {
	list, diags := hcl.ExprList(a.Expr)
	if diags.HasErrors() {
		d.fail(a.Expr.Range(), fmt.Sprintf("%q is not a list of numbers", a.Name), "Write it as [404, 422].")
		return nil, false
	}
	out := []any{}
	for _, expr := range list {
		n, ok := d.number(a, expr)
		if !ok {
			return nil, false
		}
		out = append(out, n)
	}
	return out, true
}

// doc reads file("name") beside the definition.
func (d *decoder) doc(call *hclsyntax.FunctionCallExpr, beside fs.FS) (any, bool) {
	var name string
	if call.Name == "file" && len(call.Args) == 1 {
		v, _ := call.Args[0].Value(nil)
		name, _ = text(v)
	}
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		d.fail(call.Range(), "That is no file beside the definition", `Write file("name.svg"), with the file in the same folder.`)
		return nil, false
	}
	b, err := readFS(beside, name, maxDoc)
	if err != nil {
		d.fail(call.Range(), fmt.Sprintf("The file %q cannot be read", clean(name)), "The system says: "+clean(reason(err))+".")
		return nil, false
	}
	return strings.TrimSpace(string(b)), true
}
