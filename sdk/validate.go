// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Bounds of a descriptor, in bytes.
const (
	maxIcon = 8 << 10
	maxLine = 200  // a name or a title
	maxText = 1000 // a sentence or two
)

var (
	slugPattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	keyPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	hostPattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	colorPattern = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	// apiPattern is a URL whose beginning may be a template.
	apiPattern = regexp.MustCompile(`^(https?://(\*\.)?[a-z0-9{][a-z0-9_{}.:-]*|\{[a-z][a-z0-9_]*\})(/[A-Za-z0-9_{}.~-]+)*$`)
	// scopePattern is scope-token of RFC 6749 section 3.3.
	scopePattern = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`)
)

// Validate reports everything that is wrong with the descriptor, joined; nil:
// nothing. Serve leaves out a provider that is not valid.
func (d *Descriptor) Validate() error {
	v := &validation{}
	if !slugPattern.MatchString(d.Slug) {
		v.addf("slug %q is not made of lower-case letters, digits and hyphens", d.Slug)
	}
	v.text("name", d.Name, maxLine, true)
	v.text("description", d.Description, maxText, false)
	v.text("revoke note", d.RevokeNote, maxText, false)
	for i, s := range d.SetupSteps {
		v.text(fmt.Sprintf("setup step %d", i+1), s, maxText, true)
	}
	if err := checkIcon(d.Icon); err != nil {
		v.addf("icon: %w", err)
	}
	if d.BrandColor != "" && !colorPattern.MatchString(d.BrandColor) {
		v.addf("brand colour %q is not of the form #24292f", d.BrandColor)
	}
	for _, c := range d.Categories {
		if !slugPattern.MatchString(c) {
			v.addf("category %q is not made of lower-case letters, digits and hyphens", c)
		}
	}
	for i, w := range d.Warnings {
		v.text(fmt.Sprintf("warning %d", i+1), w, maxText, true)
	}
	for reason, remedy := range d.Remedies {
		oneOf(v, "remedy: reason", reason, reasons...)
		v.text("remedy of "+string(reason), remedy, maxText, true)
	}
	v.link("docs URL", d.DocsURL)
	v.link("console URL", d.ConsoleURL)
	v.scopes(d.Scopes)
	takesURL := v.config(d.Config)
	for _, h := range d.AllowedHosts {
		if err := checkHostPort(h); err != nil {
			v.addf("allowed host %q: %w", h, err)
		}
	}
	for _, h := range d.PictureHosts {
		if err := checkPictureHost(h); err != nil {
			v.addf("picture host %q: %w", h, err)
		}
	}
	for _, a := range d.APIs {
		if !apiPattern.MatchString(a) || strings.Contains(a, "/../") {
			v.addf("api %q is not an https URL without query and last slash, or one that begins with {key}", a)
		}
	}
	if len(d.AllowedHosts) == 0 && !takesURL {
		v.addf("no host is allowed and no config field is a URL, so that nothing can be called")
	}
	oneOf(v, "pkce", d.PKCE, PKCESend, PKCENever)
	oneOf(v, "redirect host", d.Redirect.Host, RedirectLoopback, RedirectLocalhost, RedirectHTTPS)
	if d.Redirect.Host != RedirectHTTPS && (d.Redirect.Paste || d.Redirect.LoopbackScopes != "") {
		v.addf("redirect: paste and loopback scopes are for providers that want https")
	}
	oneOf(v, "rotation", d.Rotation, RotationUnknown, RotationNone, RotationSoft, RotationSingle)
	if (d.NarrowsScopes || d.NarrowsAudience) && d.Rotation != RotationNone {
		v.addf("tokens can be narrowed only where a refresh leaves the refresh token as it is: rotation %q", RotationNone)
	}
	oneOf(v, "revoke", d.Revoke, "", ReachNone, ReachToken, ReachGrant)
	for name, span := range map[string]time.Duration{
		"grace window": d.GraceWindow, "refresh margin": d.RefreshMargin, "refresh idle life": d.RefreshIdleLife, "refresh max life": d.RefreshMaxLife,
	} {
		if span < 0 {
			v.addf("%s is negative", name)
		}
	}
	return errors.Join(v.problems...)
}

type validation struct{ problems []error }

func (v *validation) addf(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

// text checks a line for people.
func (v *validation) text(what, s string, limit int, required bool) {
	switch {
	case s == "" && required:
		v.addf("%s is missing", what)
	case len(s) > limit:
		v.addf("%s has %d bytes, the limit is %d", what, len(s), limit)
	case strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf) }):
		v.addf("%s %q is not plain text in one line", what, s)
	}
}

// link checks a URL for people to click.
func (v *validation) link(what, s string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		v.addf("%s %q is not an https URL", what, s)
	}
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (v *validation) scopes(scopes []Scope) {
	seen := map[string]bool{}
	for _, s := range scopes {
		if !scopePattern.MatchString(s.Name) {
			v.addf("scope %q is not a scope of RFC 6749", s.Name)
		}
		if seen[s.Name] {
			v.addf("scope %q is listed twice", s.Name)
		}
		seen[s.Name] = true
		v.text("title of scope "+s.Name, s.Title, maxLine, true)
		oneOf(v, "sensitivity of scope "+s.Name, s.Sensitivity, SensitivityUnknown, SensitivityLow, SensitivityMedium, SensitivityHigh)
	}
}

// config reports whether one of the fields is a URL.
func (v *validation) config(fields []ConfigField) (takesURL bool) {
	seen := map[string]bool{}
	for _, f := range fields {
		what := "config field " + f.Key
		if !keyPattern.MatchString(f.Key) {
			v.addf("config field %q: the key is not made of lower-case letters, digits and underscores", f.Key)
		}
		if seen[f.Key] {
			v.addf("%s is listed twice", what)
		}
		seen[f.Key] = true
		v.text(what+": label", f.Label, maxLine, true)
		v.text(what+": description", f.Description, maxText, false)
		oneOf(v, what+": kind", f.Kind, FieldText, FieldURL)
		oneOf(v, what+": level", f.Level, LevelIntegration, LevelInstallation)
		takesURL = takesURL || f.Kind == FieldURL
		pattern, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
		if err != nil {
			v.addf("%s: pattern: %w", what, err)
			continue
		}
		for name, value := range map[string]string{"default": f.Default, "example": f.Example} {
			if f.Pattern != "" && value != "" && !pattern.MatchString(value) {
				v.addf("%s: the %s %q does not match the pattern", what, name, value)
			}
		}
	}
	return takesURL
}

func oneOf[T ~string](v *validation, what string, value T, known ...T) {
	if !slices.Contains(known, value) {
		v.addf("%s %q is none of %q", what, value, known)
	}
}

// checkPictureHost checks one of PictureHosts.
func checkPictureHost(s string) error {
	s, below := strings.CutPrefix(s, "*.")
	if err := checkHostPort(s); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(s)
	if _, err := netip.ParseAddr(host); below && (err == nil || !strings.Contains(host, ".")) {
		return errors.New("what is below it may be anybody's")
	}
	return nil
}

// checkHostPort checks one of AllowedHosts.
func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return errors.New("it is not host:port")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port is not a number from 1 to 65535")
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostPattern.MatchString(host) {
		return errors.New("the host is neither a name in lower case nor an address")
	}
	return nil
}
