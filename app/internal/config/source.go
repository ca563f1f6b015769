// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxFile bounds what is read as a file of ours.
const maxFile = 1 << 20

// source is one HCL file and what was found in it.
type source struct {
	name   string
	src    []byte
	hidden []span
	found  Diagnostics
}

// parse reads src. It returns nil beside the diagnostics where the file is not
// well-formed: half of a file is not to be acted on.
func parse(name string, src []byte, safe safeNames) (*source, *hclsyntax.Body) {
	s := &source{name: name, src: src}
	if len(src) > maxFile {
		s.whole(Error, "The file is larger than 1 MiB", "That is no configuration of Standpipe's.")
		return s, nil
	}
	if bad := badText(src); bad >= 0 {
		before := src[:bad]
		at := hcl.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]), Byte: bad}
		s.src = before // nothing after it can be shown
		s.hidden = hideByLine(before, safe)
		s.at(Error, hcl.Range{Filename: name, Start: at, End: at}, "", "The file is not UTF-8 text", "Save it as UTF-8.")
		return s, nil
	}
	if where := tooDeep(src, name); where != nil {
		s.hidden = hideByLine(src, safe)
		s.at(Error, *where, "", "The file nests too deeply", "No setting of Standpipe's needs so many brackets or operators. Is this its configuration file?")
		return s, nil
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	body, _ := file.Body.(*hclsyntax.Body) // it never gives another type
	if diags.HasErrors() {
		s.hidden = hideByLine(src, safe)
		s.syntax(diags)
		return s, nil
	}
	s.hidden = hideByTree(src, body, safe)
	s.syntax(diags)
	return s, body
}

// badText is where src stops being UTF-8; -1: nowhere.
func badText(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// whole adds a finding about the file as a whole.
func (s *source) whole(sev Severity, summary, detail string) {
	s.found = append(s.found, Diagnostic{Severity: sev, Summary: visible(summary), Detail: visible(detail), File: s.name})
}

// at adds a finding about a place. in is the block; empty: the file's top.
func (s *source) at(sev Severity, where hcl.Range, in, summary, detail string) {
	d := Diagnostic{
		Severity: sev, Summary: visible(summary), Detail: visible(detail), File: s.name,
		Line: where.Start.Line, Column: where.Start.Column, In: in,
	}
	d.Source, d.caret, d.width = shorten(s.line(where))
	s.found = append(s.found, d)
}

// visible replaces what a terminal would obey: names of files and values come
// from the file.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// shown is how much of a long line is shown before and after its caret.
const shown = 120

// shorten cuts what nobody reads out of a long line.
func shorten(text string, caret, width int) (string, int, int) {
	line := []rune(text)
	if end := caret + shown; len(line) > end {
		line = append(line[:end:end], '…')
		width = max(1, min(width, shown))
	}
	if begin := caret - shown; begin > 0 {
		line, caret = append([]rune{'…'}, line[begin:]...), shown+1
	}
	return string(line), caret, width
}

// syntax adds what the parser found. One mistake often makes it complain of
// several things on one line, or of the same thing on every line after it; only
// the first of them helps.
func (s *source) syntax(diags hcl.Diagnostics) {
	lines, summaries := map[int]bool{}, map[string]bool{}
	for _, d := range diags {
		if d.Subject == nil || lines[d.Subject.Start.Line] || summaries[d.Summary] {
			continue
		}
		lines[d.Subject.Start.Line], summaries[d.Summary] = true, true
		sev := Error
		if d.Severity == hcl.DiagWarning {
			sev = Warning
		}
		s.at(sev, *d.Subject, "", d.Summary, d.Detail)
	}
	if len(diags) > 0 && len(s.found) == 0 {
		s.whole(Error, diags[0].Summary, diags[0].Detail)
	}
}

// span is a range of bytes.
type span struct{ start, end int }

const hiddenText = "[hidden]"

// line is the line of a place without what has to be hidden, and where in it
// the offending text is, in characters.
func (s *source) line(where hcl.Range) (text string, caret, width int) {
	from := min(where.Start.Byte, len(s.src))
	start := strings.LastIndexByte(string(s.src[:from]), '\n') + 1
	end := len(s.src)
	if i := strings.IndexByte(string(s.src[start:]), '\n'); i >= 0 {
		end = start + i
	}
	var b strings.Builder
	n := 0
	emit := func(r rune, offending bool) {
		if !unicode.IsPrint(r) {
			r = ' '
		}
		b.WriteRune(r)
		if offending {
			width++
		}
		n++
	}
	caret = -1
	for i := start; i < end; {
		if caret < 0 && i >= from {
			caret = n
		}
		if hide, ok := s.hiddenAt(i); ok {
			offending := hide.start < where.End.Byte && from < hide.end
			if offending && caret < 0 {
				caret = n
			}
			for _, r := range hiddenText {
				emit(r, offending)
			}
			i = hide.end
			continue
		}
		r, size := utf8.DecodeRune(s.src[i:])
		emit(r, i >= from && i < where.End.Byte)
		i += size
	}
	if caret < 0 {
		caret = n
	}
	return strings.TrimRightFunc(b.String(), unicode.IsSpace), caret, max(1, width)
}

func (s *source) hiddenAt(i int) (span, bool) {
	for _, h := range s.hidden {
		if i >= h.start && i < h.end {
			return h, true
		}
	}
	return span{}, false
}
