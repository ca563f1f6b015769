// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
)

// Picture draws the picture of a made-up account, as a PNG of 192×192: five by
// five fields, mirrored, in a colour; the same name gives the same picture.
func Picture(name string) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails (hash.Hash)
	bits := h.Sum64()
	hue := uint8(bits >> 32)
	palette := color.Palette{
		color.RGBA{0xf2, 0xf0, 0xea, 0xff},
		color.RGBA{0x30 + hue%0x70, 0x50 + hue/2%0x50, 0xc0 - hue%0x80, 0xff},
	}
	const side, field = 192, 32 // with a border of half a field
	img := image.NewPaletted(image.Rect(0, 0, side, side), palette)
	for y := range side {
		for x := range side {
			column, row := (x+field/2)/field-1, (y+field/2)/field-1
			if column < 0 || column > 4 || row < 0 || row > 4 {
				continue
			}
			if bits>>(row*3+min(column, 4-column))&1 == 1 {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var out bytes.Buffer
	_ = png.Encode(&out, img) // a buffer takes everything
	return out.Bytes()
}
