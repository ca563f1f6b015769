// SPDX-License-Identifier: Apache-2.0

package sandboxtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/oauth"
)

// met are the reasons that every provider meets: by its error map or by what
// the hub finds out itself.
var met = []sdk.Reason{sdk.ReasonRefreshExpired, sdk.ReasonRevoked, sdk.ReasonRefreshMissing, sdk.ReasonScopeMissing, sdk.ReasonPolicy, sdk.ReasonClientInvalid}

// Lacking lists what a table leaves untold that a user of its provider needs:
// words for each scope, a remedy for each reason, how to set it up.
func Lacking(s *oauth.Standard) []string {
	var out []string
	lack := func(missing bool, format string, args ...any) {
		if missing {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	if err := s.Validate(); err != nil {
		lack(true, "%v", err)
	}
	d := s.Description()
	if err := d.Validate(); err != nil {
		lack(true, "%v", err)
	}
	lack(len(d.Icon) > 8<<10 || !strings.HasPrefix(d.Icon, "<svg") || strings.Contains(d.Icon, "script"), "the icon is no small inert SVG")
	lack(d.BrandColor == "" || len(d.Categories) == 0 || d.Description == "", "colour, categories or description")
	lack(!strings.HasPrefix(d.DocsURL, "https://") || !strings.HasPrefix(d.ConsoleURL, "https://"), "the addresses of documentation and console")
	lack(len(d.SetupSteps) < 3 || len(d.Warnings) == 0, "steps or warnings")
	lack(!strings.Contains(strings.Join(d.SetupSteps, " "), "redirect URI"), "what to do with the redirect URI")
	for _, scope := range d.Scopes {
		lack(scope.Title == "" || scope.Title == scope.Name || scope.Sensitivity == "", "words or sensitivity of the scope %s", scope.Name)
	}
	reasons := slices.Clone(met)
	for _, rule := range s.Errors {
		if rule.Reason != "" && rule.Reason != sdk.ReasonUnknown { // of which nothing is known but what the message says
			reasons = append(reasons, rule.Reason)
		}
		lack(rule.As == sdk.CodeMisconfigured && rule.Message == "", "words for the error %s", rule.Code)
	}
	for _, reason := range reasons {
		lack(d.Remedies[reason] == "", "a remedy for %s", reason)
	}
	lack(d.Rotation != sdk.RotationUnknown && d.RefreshIdleLife == 0, "when an unused refresh token dies")
	for _, f := range d.Config {
		pattern, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
		lack(err != nil || f.Pattern == "" || f.Description == "", "pattern or description of %s", f.Key)
		for _, v := range []string{f.Default, f.Example} {
			lack(v != "" && err == nil && !pattern.MatchString(v), "a pattern of %s that takes %s", f.Key, v)
		}
		for _, v := range noAddresses {
			lack(f.Kind == sdk.FieldURL && err == nil && pattern.MatchString(v), "a pattern of %s that refuses %q", f.Key, v)
		}
	}
	return out
}

// noAddresses are what nobody may be sent to.
var noAddresses = []string{
	"", "github.com", "ftp://example.test", "https://", "https:///path", "https://example.test?x=y", "https://example.test#x", "https://example.test/a b",
	"https://user@example.test", "https://user:pass@example.test", "javascript:alert(1)", "https://example.test\nhttps://evil.test",
}

// Refused lists the addresses that some field of a table does not take.
func Refused(s *oauth.Standard, addresses ...string) []string {
	var out []string
	for _, f := range s.Descriptor.Config {
		pattern := regexp.MustCompile(`^(?:` + f.Pattern + `)$`)
		for _, v := range addresses {
			if !pattern.MatchString(v) {
				out = append(out, v+" as "+f.Key)
			}
		}
	}
	return out
}
