// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// safeNames are the settings and blocks whose values may show. Everything else
// is hidden, a misspelt client_secret with it. nil: the file holds no secrets.
type safeNames []string

func (n safeNames) has(name string) bool { return slices.Contains(n, name) }

// secretWord is what a name of something to hide is likely to contain, where
// any name is possible.
var secretWord = regexp.MustCompile(`(?i)secr|secer|pass|pwd|token|key|cred|auth`)

// password is a URL with a user, where there is likely to be one.
var password = regexp.MustCompile(`://[^/\s"]*@`)

// hideByTree finds what has to be hidden in a well-formed file.
func hideByTree(src []byte, body *hclsyntax.Body, safe safeNames) []span {
	if safe == nil {
		return nil
	}
	h := hider{src: src, safe: safe}
	h.body(body)
	h.comments(src)
	return h.spans
}

type hider struct {
	src   []byte
	safe  safeNames
	spans []span
}

func (h *hider) hide(r hcl.Range) { h.spans = append(h.spans, span{r.Start.Byte, r.End.Byte}) }

func (h *hider) body(b *hclsyntax.Body) {
	for _, a := range b.Attributes {
		switch object, _ := a.Expr.(*hclsyntax.ObjectConsExpr); {
		case object != nil && a.Name == "config":
			h.object(object)
		case reference(a.Expr) != nil, h.safe.has(a.Name) && !password.Match(h.src[a.SrcRange.Start.Byte:a.SrcRange.End.Byte]):
		default:
			h.hide(a.Expr.Range())
		}
	}
	for _, block := range b.Blocks {
		if !h.safe.has(block.Type) {
			for _, r := range block.LabelRanges {
				h.hide(r)
			}
		}
		h.body(block.Body)
	}
}

// object hides the values of settings that a provider may have.
func (h *hider) object(o *hclsyntax.ObjectConsExpr) {
	for _, item := range o.Items {
		key := hcl.ExprAsKeyword(item.KeyExpr)
		if key == "" {
			if v, diags := item.KeyExpr.Value(nil); !diags.HasErrors() {
				key, _ = text(v)
			}
		}
		if key == "" || secretWord.MatchString(key) {
			h.hide(item.ValueExpr.Range())
		}
	}
}

// comments hides them: an old secret is often put away in one.
func (h *hider) comments(src []byte) {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenComment {
			continue
		}
		end := t.Range.End.Byte
		for end > t.Range.Start.Byte && (src[end-1] == '\n' || src[end-1] == '\r') {
			end--
		}
		h.spans = append(h.spans, span{t.Range.Start.Byte, end})
	}
}

var leadingName = regexp.MustCompile(`^\s*([A-Za-z_][A-Za-z0-9_-]*)(\s*=)?`)

// hideByLine finds what has to be hidden in a file that cannot be parsed, where
// nobody knows what belongs to what: only a line that begins with a harmless
// name shows, and only as far as nothing in it looks like a secret.
func hideByLine(src []byte, safe safeNames) []span {
	if safe == nil {
		return nil
	}
	var out []span
	at := 0
	for line := range strings.SplitAfterSeq(string(src), "\n") {
		start := at
		at += len(line)
		content := strings.TrimRight(line, "\r\n")
		from := 0
		if m := leadingName.FindStringSubmatch(content); m != nil {
			switch name := m[1]; {
			case safe.has(name) && !password.MatchString(content):
				from = len(content)
				rest := strings.Index(content, name) + len(name)
				if i := strings.IndexByte(content, '#'); i >= 0 {
					from = i
				}
				if i := secretWord.FindStringIndex(content[rest:]); i != nil {
					from = min(from, rest+i[0])
				}
			case name == "client_secret", safe.has(name):
				from = len(m[0])
			}
		}
		if strings.Trim(content[from:], " \t{}[](),") != "" {
			out = append(out, span{start + from, start + len(content)})
		}
	}
	return out
}
