// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
)

func openFixture(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestReadGH(t *testing.T) {
	noKeyring := func(string, string) (string, error) { return "", errors.New("asked the keyring") }
	keyring := func(host, user string) (string, error) { return "keyring " + user + "@" + host, nil }
	for _, c := range []struct {
		file, host string
		token      GHToken
		want       []string
	}{
		{"hosts-single.yml", "github.com", noKeyring, []string{"octocat at github.com: gho_single0000000000000000000000000000"}},
		{"hosts-single.yml", "ghe.example.com", noKeyring, []string{"hubot at ghe.example.com: gho_enterprise00000000000000000000000"}},
		{"hosts-multi.yml", "github.com", noKeyring, []string{
			"monalisa at github.com: gho_monalisa00000000000000000000000000", "octocat at github.com: gho_octocat000000000000000000000000000"}},
		{"hosts-keyring.yml", "github.com", keyring, []string{
			"monalisa at github.com: keyring monalisa@github.com", "octocat at github.com: keyring octocat@github.com"}},
		{"hosts-keyring.yml", "github.com", noKeyring, []string{
			"monalisa at github.com: asked the keyring", "octocat at github.com: asked the keyring"}},
	} {
		items, err := ReadGH(openFixture(t, c.file), c.host, c.token)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		got := []string{}
		for _, it := range items {
			s := it.Name + ": " + it.AccessToken
			if it.Err != nil {
				s = it.Name + ": " + it.Err.Error()
			}
			got = append(got, s)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.file, got, c.want)
		}
	}
	if _, err := ReadGH(openFixture(t, "hosts-multi.yml"), "other.host", noKeyring); err == nil || !strings.Contains(err.Error(), "github.com") {
		t.Errorf("another host: %v", err)
	}
	if _, err := ReadGH(strings.NewReader("oauth_token: [gho_canary"), "github.com", noKeyring); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("not YAML: %v", err)
	}
}

func TestReadNango(t *testing.T) {
	items, err := ReadNango(openFixture(t, "nango.json"))
	if err != nil || len(items) != 4 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	a, b := items[0], items[1]
	if a.Err != nil || a.Integration != "github" || a.UserID != "ada" || a.AccessToken != "gho_tsXLG73f" || a.RefreshToken != "gho_fjofu84u9" ||
		a.ExpiresAt == nil || a.ExpiresAt.Year() != 2026 || !slices.Equal(a.Scopes, []string{"repo", "user:email"}) {
		t.Errorf("the first: %+v", a)
	}
	if b.Err != nil || b.UserID != "conn-2" || b.RefreshToken != "" || b.ExpiresAt != nil || !slices.Equal(b.Scopes, []string{"chat:write", "users:read"}) {
		t.Errorf("the second: %+v", b)
	}
	if items[2].Err == nil || !strings.Contains(items[2].Err.Error(), "API_KEY") || strings.Contains(items[2].Err.Error(), "SG.") {
		t.Errorf("an API key: %v", items[2].Err)
	}
	if items[3].Err == nil || !strings.Contains(items[3].Name, "conn-4") {
		t.Errorf("without credentials: %+v", items[3])
	}
}

func TestRead(t *testing.T) {
	const one = `{"integration":"github","access_token":"canary"}`
	for name, c := range map[string]struct {
		in   string
		n    int // items
		bad  int // of them, not to be taken
		fail bool
	}{
		"one":               {one, 1, 0, false},
		"lines":             {one + "\n" + one + "\n", 2, 0, false},
		"an array":          {"[" + one + "," + one + "]", 2, 0, false},
		"wrapped":           {`{"connections":[` + one + `]}`, 1, 0, false},
		"nothing":           {"", 0, 0, false},
		"an unknown field":  {`{"integration":"github","acces_token":"canary"}`, 1, 1, false},
		"another type":      {`{"integration":"github","access_token":{"canary":1}}`, 1, 1, false},
		"not a time":        {`{"integration":"github","access_token":"a","expires_at":"canary"}`, 1, 1, false},
		"an unknown state":  {`{"integration":"github","state":"disconnected"}`, 1, 1, false},
		"one bad, one good": {`{"x":1}` + one, 2, 1, false},
		"not JSON":          {"canary", 0, 0, true},
		"half":              {`{"access_token":"canary`, 0, 0, true},
	} {
		items, err := Read(strings.NewReader(c.in))
		if (err != nil) != c.fail || len(items) != c.n {
			t.Errorf("%s: %d items, %v", name, len(items), err)
		}
		bad := 0
		for _, it := range items {
			if it.Err != nil {
				bad++
				err = it.Err
			}
		}
		if bad != c.bad {
			t.Errorf("%s: %d bad", name, bad)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || hub.AsError(err).Code != hub.CodeInvalid) {
			t.Errorf("%s: told as %v", name, err)
		}
	}
}
