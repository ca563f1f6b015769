// SPDX-License-Identifier: Apache-2.0

package oauthtest

import (
	"bytes"
	"image"
	"image/png"
	"testing"
)

func TestPicture(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"", "ada", "grace", "octocat-demo", "hubot-demo"} {
		b := Picture(name)
		img, err := png.Decode(bytes.NewReader(b))
		if err != nil || img.Bounds() != image.Rect(0, 0, 192, 192) || !bytes.Equal(b, Picture(name)) {
			t.Errorf("%q: %v", name, err)
		}
		seen[string(b)] = true
	}
	if len(seen) != 5 {
		t.Errorf("five names give %d pictures", len(seen))
	}
}
