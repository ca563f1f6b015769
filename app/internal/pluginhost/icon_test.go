// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"strings"
	"testing"
)

func TestIconStays(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "",
		`<svg viewBox="0 0 16 16"><path fill="#fff" d="M0 0h16"/></svg>`:                                                                                             `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#fff" d="M0 0h16"></path></svg>`,
		`<?xml version="1.0"?><!-- c --><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" class="x"><title>A &amp; B</title></svg>`: `<svg xmlns="http://www.w3.org/2000/svg"><title>A &amp; B</title></svg>`,
		`<svg><defs><linearGradient id="a"><stop offset="0"/></linearGradient></defs><rect fill="url(#a)"/></svg>`:                                                   `<svg xmlns="http://www.w3.org/2000/svg"><defs><linearGradient id="a"><stop offset="0"></stop></linearGradient></defs><rect fill="url(#a)"></rect></svg>`,
	} {
		got, err := sanitizeIcon(in)
		if err != nil || got != want {
			t.Errorf("sanitizeIcon(%q) = %q, %v\nwant %q", in, got, err, want)
		}
	}
}

func TestIconIsRefused(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"script":          `<svg><script>alert(1)</script></svg>`,
		"script in case":  `<svg><SCRIPT>alert(1)</SCRIPT></svg>`,
		"namespaced":      `<svg><x:script xmlns:x="http://www.w3.org/2000/svg">1</x:script></svg>`,
		"handler":         `<svg onload="alert(1)"></svg>`,
		"style":           `<svg style="background:url(https://evil)"></svg>`,
		"style element":   `<svg><style>@import url(https://evil)</style></svg>`,
		"foreignObject":   `<svg><foreignObject><body/></foreignObject></svg>`,
		"image":           `<svg><image href="https://evil/x.png"/></svg>`,
		"use":             `<svg><use href="#a"/></svg>`,
		"link":            `<svg><a href="javascript:alert(1)"><path/></a></svg>`,
		"animate":         `<svg><animate attributeName="href" to="javascript:1"/></svg>`,
		"outside url":     `<svg><rect fill="url(https://evil/#a)"/></svg>`,
		"second url":      `<svg><rect fill="url(#a) url(//evil)"/></svg>`,
		"escaped url":     `<svg><rect fill="u\72l(//evil)"/></svg>`,
		"data":            `<svg><rect fill="data:image/png;base64,"/></svg>`,
		"doctype":         `<!DOCTYPE svg [<!ENTITY x "y">]><svg/>`,
		"entity":          `<svg><title>&xxe;</title></svg>`,
		"two roots":       `<svg/><svg/>`,
		"html":            `<html><svg/></html>`,
		"not closed":      `<svg><g>`,
		"wrongly nested":  `<svg><g></svg></g>`,
		"not XML":         `<svg`,
		"text":            `hello`,
		"too large":       `<svg><title>` + strings.Repeat("x", maxIcon) + `</title></svg>`,
		"quote breakout":  `<svg fill="a"onload="b"></svg>`,
		"xlink":           `<svg xmlns:xlink="http://www.w3.org/1999/xlink"><path xlink:href="https://evil"/></svg>`,
		"markup in value": `<svg fill="&lt;script&gt;"></svg>`,
	} {
		if got, err := sanitizeIcon(in); err == nil {
			t.Errorf("%s: sanitizeIcon(%q) = %q, want an error", name, in, got)
		}
	}
}
