// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxIcon is the size of an icon in bytes.
const maxIcon = 8 << 10

// What an icon may consist of. There is no element that loads, links, scripts,
// animates, embeds or repeats, and no attribute that takes code or a style sheet.
var (
	iconElements = strings.Fields("svg g path circle ellipse rect line polyline polygon defs title desc " +
		"linearGradient radialGradient stop clipPath mask")
	iconAttributes = strings.Fields("viewBox width height x y x1 y1 x2 y2 cx cy r rx ry fx fy d points id role " +
		"fill fill-rule fill-opacity stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit " +
		"stroke-dasharray stroke-dashoffset stroke-opacity opacity color transform clip-path clip-rule mask " +
		"gradientUnits gradientTransform spreadMethod offset stop-color stop-opacity clipPathUnits maskUnits " +
		"preserveAspectRatio aria-label aria-hidden version")
	// iconIgnored are left out in silence; any other unknown name is refused.
	iconIgnored = strings.Fields("xmlns class data-name baseProfile focusable")
)

// sanitizeIcon returns svg rebuilt from the elements and attributes that are
// known to be inert, or an error that says why it cannot be shown.
func sanitizeIcon(svg string) (string, error) {
	if svg == "" {
		return "", nil
	}
	if len(svg) > maxIcon {
		return "", fmt.Errorf("the icon has %d bytes, the limit is %d", len(svg), maxIcon)
	}
	dec := xml.NewDecoder(strings.NewReader(svg))
	var out strings.Builder
	var open []string
	elements := 0
	for {
		tok, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("the icon is not XML: %s", clean(err.Error(), 100))
		}
		switch t := tok.(type) {
		case xml.StartElement:
			name := t.Name.Local
			if t.Name.Space != "" || !slices.Contains(iconElements, name) {
				return "", fmt.Errorf("the icon has an element %q, which is not allowed", clean(name, 40))
			}
			if len(open) == 0 && (name != "svg" || elements > 0) {
				return "", errors.New("the icon is not one svg element")
			}
			attrs, err := iconAttrs(t.Attr)
			if err != nil {
				return "", err
			}
			out.WriteString("<" + name)
			if len(open) == 0 {
				out.WriteString(` xmlns="http://www.w3.org/2000/svg"`)
			}
			out.WriteString(attrs + ">")
			open = append(open, name)
			elements++
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != t.Name.Local || t.Name.Space != "" {
				return "", errors.New("the icon's elements are not nested properly")
			}
			open = open[:len(open)-1]
			out.WriteString("</" + t.Name.Local + ">")
		case xml.CharData:
			if len(open) > 0 {
				_ = xml.EscapeText(&out, []byte(clean(string(t), 200)))
			}
		case xml.Directive:
			return "", errors.New("the icon has a document type, which is not allowed")
		}
	}
	if len(open) > 0 || elements == 0 {
		return "", errors.New("the icon is not one svg element")
	}
	return out.String(), nil
}

// iconAttrs writes the attributes that may stay.
func iconAttrs(in []xml.Attr) (string, error) {
	var out strings.Builder
	for _, a := range in {
		name := a.Name.Local
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "xml" || slices.Contains(iconIgnored, name):
			continue
		case a.Name.Space != "" || !slices.Contains(iconAttributes, name):
			return "", fmt.Errorf("the icon has an attribute %q, which is not allowed", clean(name, 40))
		}
		if !inertValue(a.Value) {
			return "", fmt.Errorf("the icon's attribute %q refers to something outside", clean(name, 40))
		}
		out.WriteString(" " + name + `="`)
		_ = xml.EscapeText(&out, []byte(a.Value))
		out.WriteString(`"`)
	}
	return out.String(), nil
}

// inertValue reports whether a value refers to nothing but the icon itself.
func inertValue(value string) bool {
	v := strings.ToLower(value)
	if strings.ContainsAny(v, "\\<>") || strings.Contains(v, "javascript:") || strings.Contains(v, "data:") {
		return false
	}
	for {
		_, after, found := strings.Cut(v, "url(")
		if !found {
			return true
		}
		if !strings.HasPrefix(strings.TrimLeft(after, ` "'`), "#") {
			return false
		}
		v = after
	}
}
