// SPDX-License-Identifier: Apache-2.0

package hub

import "slices"

// Policy decides, by the configuration file, what would otherwise be asked: for
// machines without a person. A policy that denies holds against grants too.
type Policy struct {
	Name        string
	App         string   // id, or name where one app only has it
	Integration string   // empty: any
	Connection  string   // empty: any
	Scopes      []string // the ceiling; nil: whatever the connection has
	AcceptWider bool     // as in Grant
	Audience    string   // as in Grant
	Deny        bool
}

// Rule is what the audit calls it.
func (p *Policy) Rule() string { return "policy:" + p.Name }

// Covers reports whether the policy is about an app's drawing from a
// connection. namesakes is how many apps have the app's name: a policy that
// names several means none of them.
func (p *Policy) Covers(app *App, namesakes int, c *Connection) bool {
	if p.App != app.ID && (p.App != app.Name || namesakes != 1) {
		return false
	}
	return (p.Integration == "" || p.Integration == c.Integration) && (p.Connection == "" || p.Connection == c.ID)
}

// Beyond returns the scopes in have that a ceiling (nil: none) does not cover.
func Beyond(ceiling, have []string) []string {
	if ceiling == nil {
		return nil
	}
	var out []string
	for _, s := range have {
		if !slices.Contains(ceiling, s) {
			out = append(out, s)
		}
	}
	return out
}
