// SPDX-License-Identifier: Apache-2.0

// Command gen writes providers.md, what the bundled providers can do, into the
// folder that is its argument. It takes it from what they say of themselves: the
// plugins by their verb "describe", the declared ones by their definitions.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run("../../..", os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, dir string) error {
	coded, err := coded(root)
	if err != nil {
		return err
	}
	declared, err := declared()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "providers.md"), []byte(page(slices.Concat(coded, declared))), 0o644)
}

func page(all []provider) string {
	var b strings.Builder
	b.WriteString(`# Providers

What each bundled provider can do, by what it says of itself. (Written by ` + "`make generate`" + `; change the plugin or the definition.)

How an account is connected: *browser* is the redirect to this machine, *code* the device flow (` + "`standpipe connect SLUG --device`" + `),
*paste* carries the last address over by hand (` + "`--paste`" + `, which works wherever the browser flow does).

Where the peculiarities of a provider were tried: against the *sandbox*, which is ours; a *third-party* server or client; or one that is
*certified*. What the vendor's own service does was not.

| provider | kind | connects by | client secret | redirect URI | renews tokens | revokes | sandbox |
|---|---|---|---|---|---|---|---|
`)
	for i := range all {
		p := &all[i]
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s | %s | %s | %s |\n", p.Name, anchor(p.Name), p.kind(), p.ways(), p.secret(), p.redirect(), p.renewal(), p.revocation(), yes(p.Sandbox != nil))
	}
	for i := range all {
		all[i].section(&b)
	}
	return b.String()
}

func (p *provider) section(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s", p.Name, sentence(p.Description))
	if p.DocsURL != "" {
		fmt.Fprintf(b, " [Its documentation](%s).", p.DocsURL)
	}
	b.WriteString("\n")
	if p.note != "" {
		fmt.Fprintf(b, "\n%s\n", p.note)
	}
	if len(p.SetupSteps) > 0 {
		b.WriteString("\nSetting it up")
		if p.ConsoleURL != "" {
			fmt.Fprintf(b, " at <%s>", p.ConsoleURL)
		}
		b.WriteString(":\n\n")
		for i, s := range p.SetupSteps {
			fmt.Fprintf(b, "%d. %s\n", i+1, s)
		}
	}
	for i, w := range p.Warnings {
		if i == 0 {
			b.WriteString("\nGood to know:\n\n")
		}
		fmt.Fprintf(b, "- %s\n", w)
	}
	if p.RevokeNote != "" {
		fmt.Fprintf(b, "\n%s\n", p.RevokeNote)
	}
	for i, f := range p.Config {
		if i == 0 {
			b.WriteString("\n| setting | meaning | default |\n|---|---|---|\n")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Key, cell(strings.TrimSpace(f.Label+". "+f.Description)), code(f.Default))
	}
	for i, s := range p.Scopes {
		if i == 0 {
			b.WriteString("\n| scope | what it lets an app do | sensitivity | asked for |\n|---|---|---|---|\n")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", s.Name, cell(s.Title), s.Sensitivity, s.asked())
	}
	p.quirkTable(b)
}

// sentence ends in a full stop.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func yes(v bool) string { return map[bool]string{true: "yes", false: "no"}[v] }

// anchor is how a heading is linked to.
func anchor(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-':
			return r
		}
		return -1
	}, strings.ToLower(name))
}
