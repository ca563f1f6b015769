// SPDX-License-Identifier: Apache-2.0

package oauth

import "testing"

func TestPicture(t *testing.T) {
	d := document{"id": "1/2", "avatar": "abc", "none": nil, "urls": []any{"https://a.example/b.png"}, "number": true}
	for where, want := range map[string]string{
		"":                                      "",
		"urls.0":                                "https://a.example/b.png",
		"none":                                  "",
		"absent":                                "",
		"number":                                "", // a URL is a text
		"https://cdn.example/{id}/{avatar}.png": "https://cdn.example/1%2F2/abc.png",
		"https://cdn.example/{id}/{none}.png":   "",
		"https://cdn.example/all.png":           "https://cdn.example/all.png",
	} {
		if got := d.picture(where); got != want {
			t.Errorf("%q: %q, want %q", where, got, want)
		}
	}
}

func TestPictureMustBeHTTPS(t *testing.T) {
	for where, ok := range map[string]bool{
		"profile.image_192|avatar_url":          true,
		"https://cdn.example/{id}/{avatar}.png": true,
		"http://cdn.example/{id}.png":           false,
		"https://user@cdn.example/{id}.png":     false,
		"https:///{id}.png":                     false,
	} {
		v := &validation{}
		if v.picture(where); (len(v.problems) == 0) != ok {
			t.Errorf("%q: %v", where, v.problems)
		}
	}
}
