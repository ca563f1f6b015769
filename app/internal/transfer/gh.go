// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// ghHost is an entry of the hosts.yml of gh. Since version 2.40 it can hold
// several users (https://github.com/cli/cli/blob/trunk/docs/multiple-accounts.md);
// the token of the active one is then also beside them, as older versions have
// it. A token that is in the keyring is nowhere here.
type ghHost struct {
	User  string            `yaml:"user"`
	Token string            `yaml:"oauth_token"`
	Users map[string]ghUser `yaml:"users"`
}

type ghUser struct {
	Token string `yaml:"oauth_token"`
}

// GHToken finds a token that gh keeps elsewhere than in hosts.yml: in the
// keyring. user is empty where gh knows of one only.
type GHToken func(host, user string) (string, error)

// ReadGH reads the accounts of a hosts.yml of gh that are at host. Tokens that
// are not in the file are asked of token.
func ReadGH(r io.Reader, host string, token GHToken) ([]Item, error) {
	raw, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil, invalid("it cannot be read: %w", err)
	}
	hosts := map[string]ghHost{}
	if err := yaml.Unmarshal(raw, &hosts); err != nil { // its words may quote a token
		return nil, invalid("it is not the hosts.yml of gh")
	}
	h, ok := hosts[host]
	if !ok {
		return nil, invalid("gh is not signed in to %s; it knows %v", host, slices.Sorted(maps.Keys(hosts)))
	}
	if len(h.Users) == 0 {
		h.Users = map[string]ghUser{h.User: {h.Token}}
	}
	var out []Item
	for _, user := range slices.Sorted(maps.Keys(h.Users)) {
		it := Item{Name: fmt.Sprintf("%s at %s", user, host)}
		t := h.Users[user].Token
		if t == "" && user == h.User {
			t = h.Token
		}
		if t == "" {
			t, it.Err = token(host, user)
		}
		if it.Err == nil {
			it.Line = Line{AccessToken: t}
		}
		out = append(out, it)
	}
	return out, nil
}
