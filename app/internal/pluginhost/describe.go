// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk"
)

// Bounds of a description. They are far above what an honest plugin needs.
const (
	maxProviders = 500
	maxScopes    = 500
	maxFields    = 50
	maxHosts     = 50
	maxLine      = 200  // a name or title, in bytes
	maxText      = 1000 // a sentence or two
	maxURL       = 2048
	maxDuration  = 10 * 365 * 24 * time.Hour
)

// parseDefinitions reads the slug of each declared provider.
func parseDefinitions(all [][]byte) (map[string][]byte, error) {
	out := map[string][]byte{}
	for i, raw := range all {
		var d struct {
			Slug string `json:"slug"`
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("declared provider %d: %w", i+1, err)
		}
		if !slugPattern.MatchString(d.Slug) {
			return nil, fmt.Errorf("declared provider %d: %q is not a slug", i+1, clean(d.Slug, 80))
		}
		if _, twice := out[d.Slug]; twice {
			return nil, fmt.Errorf("provider %q is declared twice", d.Slug)
		}
		out[d.Slug] = raw
	}
	return out, nil
}

// checkDescriptions turns what a plugin says of itself into what the hub may
// believe. A provider that cannot be used is left out and told in problems; a
// plugin without any usable provider is an error.
func checkDescriptions(plugin string, in []sdk.Descriptor) (out []hub.Descriptor, problems []string, err error) {
	if len(in) > maxProviders {
		return nil, nil, fmt.Errorf("it describes %d providers, the limit is %d", len(in), maxProviders)
	}
	seen := map[string]bool{}
	for i := range in {
		d, notes, err := checkDescription(&in[i])
		if err == nil && seen[d.Slug] {
			err = errors.New("it is described twice")
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("provider %q: %v", clean(in[i].Slug, 80), err))
			continue
		}
		for _, n := range notes {
			problems = append(problems, fmt.Sprintf("provider %q: %s", d.Slug, n))
		}
		seen[d.Slug] = true
		d.Plugin = plugin
		out = append(out, d)
	}
	if len(in) > 0 && len(out) == 0 {
		return nil, problems, fmt.Errorf("none of its providers can be used; %s", problems[0])
	}
	return out, problems, nil
}

// checkDescription checks one provider. notes are about what was left out.
func checkDescription(in *sdk.Descriptor) (d hub.Descriptor, notes []string, err error) {
	if !slugPattern.MatchString(in.Slug) {
		return d, nil, errors.New("its slug is not made of at most 64 lower-case letters, digits and hyphens")
	}
	d = cleanDescription(in)
	switch d.Redirect.Host {
	case hub.RedirectLoopback, hub.RedirectLocalhost, hub.RedirectHTTPS:
	default:
		return d, nil, fmt.Errorf("its redirect rule %q is unknown", clean(string(d.Redirect.Host), 40))
	}
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if d.Icon, err = sanitizeIcon(in.Icon); err != nil {
		note("%v; it is shown without", err)
	}
	if d.DocsURL, err = webURL(in.DocsURL); err != nil {
		note("docs URL left out: %v", err)
	}
	if d.ConsoleURL, err = webURL(in.ConsoleURL); err != nil {
		note("console URL left out: %v", err)
	}
	if d.AllowedHosts, err = checkHosts(in.AllowedHosts); err != nil {
		return d, nil, err
	}
	if d.PictureHosts, err = checkPictureHosts(in.PictureHosts); err != nil {
		note("%v; its accounts are shown without", err)
	}
	if len(in.APIs) > maxHosts {
		return d, nil, fmt.Errorf("it names %d APIs, the limit is %d", len(in.APIs), maxHosts)
	}
	d.APIs = cleanAll(in.APIs, maxHosts, maxURL)
	if d.Scopes, err = checkScopes(in.Scopes); err != nil {
		return d, nil, err
	}
	if d.Config, err = checkFields(in.Config); err != nil {
		return d, nil, err
	}
	return d, notes, nil
}

// cleanDescription copies of a description what needs no more than to be bounded
// and cleaned.
func cleanDescription(in *sdk.Descriptor) hub.Descriptor {
	d := hub.Descriptor{
		Slug:           in.Slug,
		Name:           clean(in.Name, maxLine),
		Description:    clean(in.Description, maxText),
		SetupSteps:     cleanAll(in.SetupSteps, 20, maxText),
		NoPKCE:         in.PKCE == sdk.PKCENever,
		Categories:     cleanAll(in.Categories, 20, 64),
		Warnings:       cleanAll(in.Warnings, 20, maxText),
		SecretRequired: in.SecretRequired,
		PublicDevice:   in.PublicDevice,
		PushedRequests: in.PushedRequests,
		Redirect: hub.RedirectRule{
			Host: hub.RedirectHost(in.Redirect.Host), AnyPort: in.Redirect.AnyPort, AnyPath: in.Redirect.AnyPath,
			Paste: in.Redirect.Paste, LoopbackScopes: clean(in.Redirect.LoopbackScopes, 64),
		},
		Rotation:        known(hub.Rotation(in.Rotation), hub.RotationNone, hub.RotationSoft, hub.RotationSingle),
		GraceWindow:     bounded(in.GraceWindow),
		RefreshMargin:   bounded(in.RefreshMargin),
		RefreshIdleLife: bounded(in.RefreshIdleLife),
		RefreshMaxLife:  bounded(in.RefreshMaxLife),
		Revoke:          known(hub.Reach(in.Revoke), hub.ReachNone, hub.ReachToken, hub.ReachGrant),
		RevokeNote:      clean(in.RevokeNote, maxText),
		RevokesGrant:    in.RevokesGrant || in.Revoke == sdk.ReachGrant,
		NarrowsScopes:   in.NarrowsScopes && in.Rotation == sdk.RotationNone,
		NarrowsAudience: in.NarrowsAudience && in.Rotation == sdk.RotationNone,
	}
	if d.Name == "" {
		d.Name = d.Slug
	}
	if brandColor.MatchString(in.BrandColor) {
		d.BrandColor = in.BrandColor
	}
	for reason, remedy := range in.Remedies {
		if hub.KnownReason(hub.Reason(reason)) {
			if d.Remedies == nil {
				d.Remedies = map[hub.Reason]string{}
			}
			d.Remedies[hub.Reason(reason)] = clean(remedy, maxText)
		}
	}
	if d.Revoke == "" {
		d.Revoke = hub.ReachNone
	}
	if in.Sandbox != nil {
		d.Sandbox = cleanMap(in.Sandbox, maxFields, maxURL)
	}
	for _, c := range in.Capabilities {
		if k := known(hub.Capability(c), hub.CanRefresh, hub.CanRevoke, hub.CanIdentify, hub.CanDevice,
			hub.CanClientCredentials, hub.CanIntrospect, hub.CanCheck); k != "" && !slices.Contains(d.Capabilities, k) {
			d.Capabilities = append(d.Capabilities, k)
		}
	}
	return d
}

// brandColor is all that a style may be told by a plugin.
var brandColor = regexp.MustCompile(`^#[0-9a-f]{6}$`)

func checkHosts(in []string) ([]string, error) {
	if len(in) > maxHosts {
		return nil, fmt.Errorf("it names %d hosts, the limit is %d", len(in), maxHosts)
	}
	var out []string
	for _, h := range in {
		c, err := canonicalHostPort(h)
		if err != nil {
			return nil, fmt.Errorf("allowed host: %w", err)
		}
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// checkPictureHosts is checkHosts for hosts of which any name below may be meant.
func checkPictureHosts(in []string) ([]string, error) {
	if len(in) > maxHosts {
		return nil, fmt.Errorf("it names %d hosts of pictures, the limit is %d", len(in), maxHosts)
	}
	var out []string
	for _, h := range in {
		name, below := strings.CutPrefix(h, "*.")
		c, err := canonicalHostPort(name)
		if err != nil {
			return nil, fmt.Errorf("host of pictures: %w", err)
		}
		if below {
			host, _, _ := net.SplitHostPort(c)
			if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
				return nil, fmt.Errorf("host of pictures: what is below %q may be anybody's", host)
			}
			c = "*." + c
		}
		out = append(out, c)
	}
	return out, nil
}

func checkScopes(in []sdk.Scope) ([]hub.Scope, error) {
	if len(in) > maxScopes {
		return nil, fmt.Errorf("it names %d scopes, the limit is %d", len(in), maxScopes)
	}
	var out []hub.Scope
	for _, s := range in {
		if s.Name == "" || !plain(s.Name, maxLine) || strings.Contains(s.Name, " ") {
			return nil, fmt.Errorf("scope %q is not a word", clean(s.Name, 80))
		}
		out = append(out, hub.Scope{Name: s.Name, Title: clean(s.Title, maxLine), Default: s.Default, Required: s.Required,
			Sensitivity: known(hub.Sensitivity(s.Sensitivity), hub.SensitivityLow, hub.SensitivityMedium, hub.SensitivityHigh)})
	}
	return out, nil
}

var fieldKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func checkFields(in []sdk.ConfigField) ([]hub.ConfigField, error) {
	if len(in) > maxFields {
		return nil, fmt.Errorf("it has %d settings, the limit is %d", len(in), maxFields)
	}
	var out []hub.ConfigField
	for _, f := range in {
		if !fieldKey.MatchString(f.Key) {
			return nil, fmt.Errorf("setting %q: the key is not made of lower-case letters, digits and underscores", clean(f.Key, 80))
		}
		if len(f.Pattern) > maxText {
			return nil, fmt.Errorf("setting %q: the pattern is too long", f.Key)
		}
		if _, err := regexp.Compile(f.Pattern); err != nil {
			return nil, fmt.Errorf("setting %q: %s", f.Key, clean(err.Error(), 200))
		}
		out = append(out, hub.ConfigField{
			Key: f.Key, Label: clean(f.Label, maxLine), Description: clean(f.Description, maxText),
			Example: clean(f.Example, maxLine), Pattern: f.Pattern, Default: clean(f.Default, maxURL),
			Required: f.Required, URL: f.Kind == sdk.FieldURL, Installation: f.Level == sdk.LevelInstallation,
		})
	}
	return out, nil
}

// webURL accepts an absolute http or https URL for people to click, or "".
func webURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || !plain(s, maxURL) || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("%q is not a web address", clean(s, 100))
	}
	return s, nil
}

// cleanMap bounds and cleans keys and values; what is beyond count is dropped,
// in the order of the keys.
func cleanMap(in map[string]string, count, limit int) map[string]string {
	out := make(map[string]string, min(len(in), count))
	for _, k := range sortedKeys(in) {
		if len(out) == count {
			break
		}
		if c := clean(k, maxLine); c != "" {
			out[c] = clean(in[k], limit)
		}
	}
	return out
}

// known returns v if it is one of values, else the zero value.
func known[T comparable](v T, values ...T) T {
	if slices.Contains(values, v) {
		return v
	}
	var zero T
	return zero
}

// bounded returns d if it is a plausible span of time, else zero.
func bounded(d time.Duration) time.Duration {
	if d < 0 || d > maxDuration {
		return 0
	}
	return d
}
