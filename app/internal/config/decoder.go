// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// decoder reads one body of a configuration file.
type decoder struct {
	*source
	dir string // of the file, for relative paths
	in  string // the block
}

func (d *decoder) fail(where hcl.Range, summary, detail string) {
	d.at(Error, where, d.in, summary, detail)
}

func (d *decoder) warn(where hcl.Range, summary, detail string) {
	d.at(Warning, where, d.in, summary, detail)
}

// within is the decoder of a block.
func (d *decoder) within(b *hclsyntax.Block) *decoder {
	out := *d
	out.in = b.Type
	for _, l := range b.Labels {
		out.in += fmt.Sprintf(" %q", l)
	}
	return &out
}

type (
	settings map[string]func(*hclsyntax.Attribute)
	blocks   map[string]func(*hclsyntax.Block)
)

// body gives each attribute and block to its function, in the order of the
// file, and complains of those that have none.
func (d *decoder) body(b *hclsyntax.Body, set settings, sub blocks) {
	known := slices.Concat(slices.Collect(maps.Keys(set)), slices.Collect(maps.Keys(sub)))
	attributes := slices.SortedFunc(maps.Values(b.Attributes), func(x, y *hclsyntax.Attribute) int {
		return x.SrcRange.Start.Byte - y.SrcRange.Start.Byte
	})
	for _, a := range attributes {
		switch {
		case set[a.Name] != nil:
			set[a.Name](a)
		case sub[a.Name] != nil:
			d.fail(a.NameRange, fmt.Sprintf("%q is a block", a.Name), fmt.Sprintf("Write it without the equals sign:\n  %s { … }", a.Name))
		default:
			d.fail(a.NameRange, fmt.Sprintf("There is no setting %q", clean(a.Name)), didYouMean(a.Name, known))
		}
	}
	for _, block := range b.Blocks {
		switch {
		case sub[block.Type] != nil:
			sub[block.Type](block)
		case set[block.Type] != nil:
			d.fail(block.TypeRange, fmt.Sprintf("%q is a setting, not a block", block.Type), fmt.Sprintf("Write it with an equals sign:\n  %s = …", block.Type))
		default:
			d.fail(block.TypeRange, fmt.Sprintf("There is no block %q", clean(block.Type)), didYouMean(block.Type, known))
		}
	}
}

// value evaluates an attribute to a known value of a type that want names.
func (d *decoder) value(a *hclsyntax.Attribute, t cty.Type, want string) (cty.Value, bool) {
	v, diags := a.Expr.Value(nil)
	if !diags.HasErrors() {
		var err error
		if v, err = convert.Convert(v, t); err == nil && v.IsWhollyKnown() && !v.IsNull() && !v.IsMarked() {
			return v, true
		}
	}
	d.fail(a.Expr.Range(), fmt.Sprintf("%q is not %s", a.Name, want), expected[want])
	return cty.NilVal, false
}

// What a value may be, with an example of it.
const (
	aText  = "a quoted text"
	aBool  = "true or false"
	aList  = "a list of quoted texts"
	aTable = "a table of quoted texts"
)

var expected = map[string]string{
	aText:  `Write it in quotation marks. There are no variables here, and no functions.`,
	aBool:  `Write true or false, without quotation marks.`,
	aList:  `Write it as ["one", "two"].`,
	aTable: `Write it as { key = "value" }.`,
}

// text is the string of a known string value.
func text(v cty.Value) (string, bool) {
	if v == cty.NilVal || v.IsMarked() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// str sets dst to the attribute's text, once check approves of it. check
// returns what is wrong and how to mend it.
func (d *decoder) str(dst *string, check func(string) (summary, detail string)) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		v, ok := d.value(a, cty.String, aText)
		if !ok {
			return
		}
		s := v.AsString()
		summary, detail := "", ""
		switch {
		case strings.ContainsFunc(s, unicode.IsControl):
			summary, detail = fmt.Sprintf("%q has more than one line or a control character", a.Name), "Write it on one line."
		case check != nil:
			summary, detail = check(s)
		}
		if summary != "" {
			d.fail(a.Expr.Range(), summary, detail)
			return
		}
		*dst = s
	}
}

// oneOf sets dst to one of the choices.
func oneOf[T ~string](d *decoder, dst *T, choices ...T) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		var s string
		d.str(&s, func(s string) (string, string) {
			if slices.Contains(choices, T(s)) {
				return "", ""
			}
			names := make([]string, len(choices))
			for i, c := range choices {
				names[i] = string(c)
			}
			return fmt.Sprintf("%q cannot be %q", a.Name, clean(s)), didYouMean(s, names)
		})(a)
		if s != "" {
			*dst = T(s)
		}
	}
}

func (d *decoder) boolean(dst *bool) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		if v, ok := d.value(a, cty.Bool, aBool); ok {
			*dst = v.True()
		}
	}
}

// strings sets dst to a list, which is not nil even where it is empty.
func (d *decoder) strings(dst *[]string) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		v, ok := d.value(a, cty.List(cty.String), aList)
		if !ok {
			return
		}
		out := []string{}
		for _, one := range v.AsValueSlice() {
			s, _ := text(one)
			if s == "" || strings.ContainsFunc(s, unicode.IsControl) {
				d.fail(a.Expr.Range(), fmt.Sprintf("%q holds an empty or unreadable entry", a.Name), expected[aList])
				return
			}
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		*dst = out
	}
}

// audience sets dst to a resource indicator (RFC 8707).
func (d *decoder) audience(dst *string) func(*hclsyntax.Attribute) {
	return d.str(dst, func(s string) (string, string) {
		if err := hub.CheckAudience(s); err != nil {
			return fmt.Sprintf("The audience %q %v", clean(s), err), audienceHelp
		}
		return "", ""
	})
}

// audiences sets dst to several.
func (d *decoder) audiences(dst *[]string) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		var list []string
		d.strings(&list)(a)
		for _, s := range list {
			if err := hub.CheckAudience(s); err != nil {
				d.fail(a.Expr.Range(), fmt.Sprintf("The audience %q %v", clean(s), err), audienceHelp)
				return
			}
		}
		*dst = list
	}
}

const audienceHelp = "Write it as the provider knows the resource server, such as https://api.example.com/"

func (d *decoder) table(dst *map[string]string) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		v, ok := d.value(a, cty.Map(cty.String), aTable)
		if !ok {
			return
		}
		out := map[string]string{}
		for k, one := range v.AsValueMap() {
			s, ok := text(one)
			if !ok || strings.ContainsFunc(s, unicode.IsControl) {
				d.fail(a.Expr.Range(), fmt.Sprintf("%q has no text for %q", a.Name, clean(k)), expected[aTable])
				return
			}
			out[k] = s
		}
		*dst = out
	}
}

func (d *decoder) duration(dst *time.Duration, least, most time.Duration) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		var s string
		d.str(&s, func(s string) (string, string) {
			v, err := time.ParseDuration(s)
			switch {
			case err != nil:
				return fmt.Sprintf("%q is no span of time", a.Name), `Write it as "90s", "5m" or "2h".`
			case v < least || v > most:
				return fmt.Sprintf("%q is out of range", a.Name), fmt.Sprintf("It can be from %s to %s.", least, most)
			}
			*dst = v
			return "", ""
		})(a)
	}
}

// clean makes text of the file's, or of another program, fit to stand in a
// message: one line, and not too long.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}
