// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Peers says whose programs may connect to the TCP ports.
type Peers string

// The choices.
const (
	PeersSameUser Peers = "same_user" // those of the hub's own user
	PeersAny      Peers = "any"       // of any user of this machine, with a key
)

// SameUser reports whether programs of other users are turned away. Unless the
// file says, they are at a desktop; a server's backends, and the proxy in
// front of it, run as users of their own.
func (c *Config) SameUser() bool {
	if c.Peers != "" {
		return c.Peers == PeersSameUser
	}
	return c.Mode == ModeDesktop && c.BaseURL == ""
}

// lock reads the block of that name.
func (d *decoder) lock(c *Config, b *hclsyntax.Block) {
	s := hub.LockSettings{Background: hub.LockStop}
	d.body(b.Body, settings{
		"idle":       d.durationOrNever(&s.Idle, time.Second, 7*24*time.Hour),
		"screen":     d.boolean(&s.Screen),
		"suspend":    d.boolean(&s.Suspend),
		"background": oneOf(d, &s.Background, hub.LockStop, hub.LockKeep),
	}, nil)
	c.Lock = &s
}

// durationOrNever is duration where "0s" means never.
func (d *decoder) durationOrNever(dst *time.Duration, least, most time.Duration) func(*hclsyntax.Attribute) {
	return func(a *hclsyntax.Attribute) {
		if v, diags := a.Expr.Value(nil); !diags.HasErrors() {
			if s, ok := text(v); ok {
				if n, err := time.ParseDuration(s); err == nil && n == 0 {
					*dst = 0
					return
				}
			}
		}
		d.duration(dst, least, most)(a)
	}
}

// decision is what a policy says.
type decision string

const (
	decisionAllow decision = "allow"
	decisionDeny  decision = "deny"
)

// policies reads the policy blocks.
func (d *decoder) policies(c *Config, declared []*hclsyntax.Block) {
	first := map[string]int{}
	for _, b := range declared {
		if len(b.Labels) != 1 || !slugPattern.MatchString(b.Labels[0]) {
			d.fail(b.TypeRange, "A policy has one name", "Write policy \"nightly-job\" { … }: lower-case letters, digits and hyphens. The audit calls it by that.")
			continue
		}
		p := hub.Policy{Name: b.Labels[0]}
		if line := first[p.Name]; line > 0 {
			d.fail(b.LabelRanges[0], fmt.Sprintf("There are two policies %q", p.Name), fmt.Sprintf("The first one is on line %d. Give this one another name.", line))
			continue
		}
		first[p.Name] = b.TypeRange.Start.Line
		d.within(b).policy(&p, b)
		c.Policies = append(c.Policies, p)
	}
}

func (d *decoder) policy(p *hub.Policy, b *hclsyntax.Block) {
	var says decision
	d.body(b.Body, settings{
		"app": d.str(&p.App, func(s string) (string, string) {
			if s != "" {
				return "", ""
			}
			return "\"app\" is empty", "Write the id of an app, or its name where no other app has it. `standpipe apps list` shows both."
		}),
		"integration":  d.str(&p.Integration, nil),
		"connection":   d.str(&p.Connection, nil),
		"scopes":       d.strings(&p.Scopes),
		"accept_wider": d.boolean(&p.AcceptWider),
		"audience":     d.audience(&p.Audience),
		"decision":     oneOf(d, &says, decisionAllow, decisionDeny),
	}, nil)
	p.Deny = says == decisionDeny
	missing := func(name, detail string) {
		if b.Body.Attributes[name] == nil {
			d.fail(b.DefRange(), fmt.Sprintf("The policy does not say %q", name), detail)
		}
	}
	missing("app", "Which app is it about? Write its id, or its name where no other app has it.")
	missing("decision", "Write decision = \"allow\" or decision = \"deny\".")
	switch {
	case !p.Deny && p.Integration == "":
		missing("integration", "What may the app draw from? Only a policy that denies may be about everything.")
	case p.Deny && p.Scopes != nil:
		d.fail(b.Body.Attributes["scopes"].SrcRange, "A policy that denies has no scopes", "It denies whatever the scopes. Leave them out.")
	case p.Deny && p.Audience != "":
		d.fail(b.Body.Attributes["audience"].SrcRange, "A policy that denies has no audience", "It denies whatever the audience. Leave it out.")
	case p.Scopes != nil && len(p.Scopes) == 0:
		d.fail(b.Body.Attributes["scopes"].SrcRange, "A policy without any scope allows nothing", "Leave scopes out for all of the connection's, or deny.")
	}
	if b.Body.Attributes["accept_wider"] != nil && p.Scopes == nil {
		d.warn(b.Body.Attributes["accept_wider"].NameRange, "\"accept_wider\" does nothing without scopes", "Without scopes the app gets what the connection has.")
	}
	if slices.Contains(p.Scopes, "*") {
		d.warn(b.Body.Attributes["scopes"].SrcRange, "\"*\" is a scope like any other here", "Leave scopes out for all of the connection's.")
	}
}
