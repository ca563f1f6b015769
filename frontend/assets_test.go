// SPDX-License-Identifier: Apache-2.0

package frontend

import (
	"io/fs"
	"strings"
	"testing"
)

func TestPlaceholderIsAlwaysThere(t *testing.T) {
	b, err := fs.ReadFile(Assets(), "placeholder.html")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "make frontend") {
		t.Error("the placeholder does not say what to run")
	}
}

// TestPageObeysItsPolicy holds the built page to the content security policy
// and to the two placeholders that the server fills in.
func TestPageObeysItsPolicy(t *testing.T) {
	if !Built() {
		t.Skip("the page is not built in this clone; `make test` builds it first")
	}
	b, err := fs.ReadFile(Assets(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, want := range []string{
		`<meta name="standpipe-session" content="%STANDPIPE_SESSION%"`,
		`<meta name="standpipe-host" content="%STANDPIPE_HOST%"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("index.html lacks %s", want)
		}
	}
	for _, bad := range []string{"<style", " style=", " onclick=", "javascript:"} {
		if strings.Contains(page, bad) {
			t.Errorf("index.html holds %q, which the policy blocks", bad)
		}
	}
	for _, script := range strings.SplitAfter(page, "<script")[1:] {
		if tag, _, _ := strings.Cut(script, ">"); !strings.Contains(tag, "src=") {
			t.Error("index.html holds an inline script, which the policy blocks")
		}
	}
	err = fs.WalkDir(Assets(), ".", func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "mock") {
			t.Errorf("%s: the mock of the development server is in the product", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
