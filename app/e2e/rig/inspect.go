// SPDX-License-Identifier: Apache-2.0

package rig

import (
	_ "embed"
	"os"
	"path/filepath"
	"sync"
)

// axeCore is the axe-core that the page's own tests use.
var axeCore = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile(filepath.Join(Root(), "frontend", "node_modules", "axe-core", "axe.min.js"))
	return string(b), err
})

//go:embed layout.js
var layout string

// Axe is what axe-core finds wrong with the page as it is, a line each. The
// driver runs it beside the page's own scripts, so that the page keeps its
// Content-Security-Policy.
func (p *Page) Axe() []string {
	p.t.Helper()
	source, err := axeCore()
	if err != nil {
		p.t.Fatal(err)
	}
	var there bool
	if p.Run("return !!window.axe", &there); !there {
		p.Run(source, nil)
	}
	var found []string
	p.Run(`return axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.flatMap((v) =>
		v.nodes.map((n) => v.id + ": " + n.html.slice(0, 200) + " " + (n.any[0]?.message ?? n.failureSummary ?? ""))))`, &found)
	return found
}

// Layout is what is wrong with where things stand on the page, a line each:
// what sticks out, is cut off, or lies over something else.
func (p *Page) Layout() []string {
	p.t.Helper()
	var found []string
	p.Run(layout, &found)
	return found
}
