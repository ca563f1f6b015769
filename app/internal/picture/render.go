// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	"image/png"
	"slices"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// Bounds of what is decoded.
const (
	side      = 96      // of the result, in pixels
	maxPixels = 4 << 20 // of the original
	maxScans  = 100     // of a JPEG: each of them is as much work as all its pixels
)

// formats are those whose decoders are known to be good.
var formats = []string{"png", "jpeg", "gif", "webp"}

// render draws the middle of a picture as a square PNG. Nothing of the original
// but its colours is in the result. A decoder that panics is an error.
func render(raw []byte) (out []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, fmt.Errorf("its decoder gave up: %v", v)
		}
	}()
	c, format, err := image.DecodeConfig(bytes.NewReader(raw))
	switch {
	case err != nil || !slices.Contains(formats, format):
		return nil, errors.New("it is no PNG, JPEG, GIF or WebP")
	case c.Width <= 0 || c.Height <= 0 || int64(c.Width)*int64(c.Height) > maxPixels:
		return nil, fmt.Errorf("it is of %d × %d pixels", c.Width, c.Height)
	case format == "jpeg" && bytes.Count(raw, []byte{0xff, 0xda}) > maxScans:
		return nil, errors.New("it is a JPEG of too many scans")
	}
	src, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	dst := image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, middle(src.Bounds()), draw.Src, nil)
	var b bytes.Buffer
	if err := png.Encode(&b, dst); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// middle is the largest square in the middle of r.
func middle(r image.Rectangle) image.Rectangle {
	n := min(r.Dx(), r.Dy())
	from := r.Min.Add(image.Pt((r.Dx()-n)/2, (r.Dy()-n)/2))
	return image.Rectangle{from, from.Add(image.Pt(n, n))}
}
