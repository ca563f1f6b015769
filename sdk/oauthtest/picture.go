// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
)

// grounds are the colours of pictures.
var grounds = []color.RGBA{
	{0x2a, 0x6f, 0x97, 0xff}, {0x8a, 0x4f, 0x7d, 0xff}, {0x3f, 0x7d, 0x58, 0xff}, {0xb0, 0x5a, 0x3c, 0xff},
	{0x5b, 0x5f, 0xa8, 0xff}, {0x94, 0x6c, 0x1e, 0xff}, {0x2c, 0x7a, 0x7b, 0xff}, {0xa1, 0x3d, 0x55, 0xff},
}

// Picture draws the picture of a made-up account, as a PNG of 192×192: five by
// five fields, mirrored, on a ground of a colour; the same name gives the same
// picture.
func Picture(name string) []byte {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails (hash.Hash)
	bits := h.Sum64()
	const side, field = 192, 22
	const border = (side - 5*field) / 2
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{
		grounds[bits>>40%uint64(len(grounds))], color.RGBA{0xf6, 0xf4, 0xee, 0xff},
	})
	for y := range 5 * field {
		for x := range 5 * field {
			column, row := min(x/field, 4-x/field), y/field
			img.SetColorIndex(border+x, border+y, uint8(bits>>(row*3+column)&1))
		}
	}
	var out bytes.Buffer
	_ = png.Encode(&out, img) // a buffer takes everything
	return out.Bytes()
}
