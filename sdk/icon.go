// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// iconElements are the SVG elements that draw and do nothing else.
var iconElements = strings.Fields("svg g path circle ellipse rect line polyline polygon defs title desc " +
	"linearGradient radialGradient stop clipPath mask")

// checkIcon checks an inline SVG: small, well-formed, of drawing elements only,
// without code, style sheets and references out of itself. A host may be
// stricter.
func checkIcon(svg string) error {
	if svg == "" {
		return nil
	}
	if len(svg) > maxIcon {
		return fmt.Errorf("it has %d bytes, the limit is %d", len(svg), maxIcon)
	}
	dec := xml.NewDecoder(strings.NewReader(svg))
	for first := true; ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if first {
				return errors.New("it is not an svg element")
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("it is not XML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if first && t.Name.Local != "svg" {
				return errors.New("it is not an svg element")
			}
			first = false
			if !slices.Contains(iconElements, t.Name.Local) {
				return fmt.Errorf("the element %q is not for drawing", t.Name.Local)
			}
			if err := checkIconAttributes(t.Attr); err != nil {
				return err
			}
		case xml.Directive:
			return errors.New("it has a document type")
		}
	}
}

func checkIconAttributes(attrs []xml.Attr) error {
	for _, a := range attrs {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(a.Value)
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("the attribute %q holds code", a.Name.Local)
		case name == "href", name == "src", name == "style":
			return fmt.Errorf("the attribute %q may lead out of the icon", a.Name.Local)
		case strings.Contains(strings.ReplaceAll(value, "url(#", ""), "url("), strings.Contains(value, "javascript:"):
			return fmt.Errorf("the value of the attribute %q leads out of the icon", a.Name.Local)
		}
	}
	return nil
}
