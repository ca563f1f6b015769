// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxInventory is how many apps, integrations and accounts an inventory lists
// each. Of the accounts beyond it tells how many there are.
const MaxInventory = 1000

// Inventory is what a reset of lost keys keeps: enough to set up the hub again
// and to know what to reconnect. It holds no token, client secret, scope or
// full e-mail address, since less protects it than the store.
type Inventory struct {
	WrittenAt    time.Time         `json:"written_at"`
	Mark         string            `json:"mark,omitempty"` // of the Tally of the connections; empty: there was none
	Integrations []KeptIntegration `json:"integrations"`
	Apps         []KeptApp         `json:"apps"`
	Lost
}

// KeptIntegration is an integration without what is secret or says what its
// tokens may do.
type KeptIntegration struct {
	Slug           string            `json:"slug"`
	Provider       string            `json:"provider"`
	ID             string            `json:"id"`
	Description    string            `json:"description,omitempty"`
	Enabled        bool              `json:"enabled"`
	Credentials    CredentialsKind   `json:"credentials,omitempty"`
	ClientID       string            `json:"client_id,omitempty"`
	Audiences      []string          `json:"audiences,omitempty"`
	Config         map[string]string `json:"config,omitempty"`
	PrivateNetwork bool              `json:"private_network,omitempty"`
	CreatedAt      time.Time         `json:"created_at"`
	// FromFile marks one of which the configuration file has everything but
	// the id.
	FromFile bool `json:"from_file,omitempty"`
	// HadSecret and HadScopes say that there was a client secret, and a choice
	// of scopes, which have to be entered again.
	HadSecret bool `json:"had_secret,omitempty"`
	HadScopes bool `json:"had_scopes,omitempty"`
}

// KeptApp is an app without its grants.
type KeptApp struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Kind      AppKind       `json:"kind"`
	KeyHash   []byte        `json:"key_hash"` // SHA-256 of its key, which has 256 bits of its own
	Life      time.Duration `json:"life_ns"`  // that its key was given
	CreatedAt time.Time     `json:"created_at"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
}

// Lost is what to reconnect.
type Lost struct {
	Accounts []LostAccount  `json:"accounts"`
	More     map[string]int `json:"more,omitempty"` // by integration: accounts that are not listed, such as those of other owners
}

// LostAccount is an account of the person at this machine, as they know it.
type LostAccount struct {
	Integration string `json:"integration"`
	Account     string `json:"account"` // masked, see Hint
}

// Add notes a connection.
func (l *Lost) Add(c *Connection) {
	if c.Owner == Me && len(l.Accounts) < MaxInventory {
		l.Accounts = append(l.Accounts, LostAccount{c.Integration, c.Account.Hint()})
		return
	}
	l.AddMore(c.Integration, 1)
}

// AddMore notes n connections of an integration that are not listed.
func (l *Lost) AddMore(integration string, n int) {
	if n <= 0 {
		return
	}
	if l.More == nil {
		l.More = map[string]int{}
	}
	l.More[integration] += n
}

// Empty reports whether nothing was lost.
func (l *Lost) Empty() bool { return l.Count() == 0 }

// Count is how many accounts were lost.
func (l *Lost) Count() int {
	n := len(l.Accounts)
	for more := range maps.Values(l.More) {
		n += more
	}
	return n
}

// Hint is the label of an account, masked so that who knows the account
// recognises it and nobody else learns it: "al…@example.org", "oc…".
func (a Account) Hint() string {
	name, domain, isAddress := strings.Cut(a.Label(), "@")
	hint := firstLetters(name) + "…"
	if isAddress {
		hint += "@" + domain
	}
	return hint
}

// firstLetters is a third of a name, and two letters at most.
func firstLetters(name string) string {
	n := min(2, utf8.RuneCountInString(name)/3)
	return string([]rune(name)[:n])
}

const inventoryVersion = 1

type inventoryRecord struct {
	Version int `json:"v"`
	Inventory
}

// Encode is the inventory as it is sealed. Lists are sorted, so that the same
// content makes the same bytes.
func (in *Inventory) Encode() ([]byte, error) {
	slices.SortFunc(in.Integrations, func(a, b KeptIntegration) int { return strings.Compare(a.Slug, b.Slug) })
	slices.SortFunc(in.Apps, func(a, b KeptApp) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(in.Accounts, func(a, b LostAccount) int {
		return strings.Compare(a.Integration+"\x00"+a.Account, b.Integration+"\x00"+b.Account)
	})
	return json.Marshal(inventoryRecord{inventoryVersion, *in})
}

// DecodeInventory undoes Encode.
func DecodeInventory(b []byte) (*Inventory, error) {
	var r inventoryRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, Errorf(CodeIntegrity, "the inventory is not in the expected form")
	}
	if r.Version != inventoryVersion {
		return nil, OtherFormat("the inventory", r.Version, inventoryVersion)
	}
	return &r.Inventory, nil
}
