// SPDX-License-Identifier: Apache-2.0

package rig

import "strings"

// Keys of https://www.w3.org/TR/webdriver2/#keyboard-actions.
const (
	Tab       = "\uE004"
	Enter     = "\uE007"
	Shift     = "\uE008"
	Control   = "\uE009"
	Escape    = "\uE00C"
	Space     = " "
	ArrowDown = "\uE015"
	Delete    = "\uE017"
	release   = "\uE000" // of the modifiers
)

// Keys presses keys one after the other, wherever the focus is.
func (p *Page) Keys(keys ...string) {
	p.t.Helper()
	if err := p.Session.Press(p.ctx(), keys); err != nil {
		p.t.Fatal(err)
	}
}

// Write types a text wherever the focus is.
func (p *Page) Write(text string) { p.t.Helper(); p.Keys(strings.Split(text, "")...) }

// TabTo presses Tab until what a selector finds has the focus, as somebody does
// who has no mouse, and fails where nothing shows that it has it.
func (p *Page) TabTo(css string) {
	p.t.Helper()
	var at struct {
		There, Shown bool
		What         string
	}
	path := []string{}
	for range 80 {
		p.Keys(Tab)
		p.Run(`const e = document.activeElement, s = getComputedStyle(e);
			return {There: e.matches(arguments[0]), What: e.dataset?.testid || e.tagName,
				Shown: e.matches(":focus-visible") && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0}`, &at, css)
		path = append(path, at.What)
		if !at.Shown && at.What != "BODY" && at.What != "HTML" {
			p.t.Errorf("nothing shows that %s has the focus", at.What)
		}
		if at.There {
			return
		}
	}
	p.t.Fatalf("Tab does not lead to %s, but to %v", css, path)
}

// Focus waits until what a selector finds has the focus.
func (p *Page) Focus(css string) {
	p.t.Helper()
	p.Until("the focus on "+css, "return document.activeElement?.matches(arguments[0])", css)
}

// Run runs a function body in the page; out may be nil.
func (p *Page) Run(script string, out any, args ...any) {
	p.t.Helper()
	if err := p.Eval(p.ctx(), script, out, args...); err != nil {
		p.t.Fatalf("%v in %s", err, script)
	}
}

// Until waits until a function body in the page returns true.
func (p *Page) Until(what, script string, args ...any) {
	p.t.Helper()
	p.eventually(what, func() bool {
		var is bool
		return p.Eval(p.ctx(), script, &is, args...) == nil && is
	}, func() string { return "not yet" })
}
