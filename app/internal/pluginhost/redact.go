// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/standpipe/standpipe/sdk/secret"
)

// redactor takes secrets out of what a plugin prints: those it was given or
// gave back, in any usual spelling, and what looks like one.
type redactor struct {
	mu      sync.Mutex
	secrets []string // the latest ones
	replace *strings.Replacer
}

// maxRemembered is how many secrets are remembered per process. They are of the
// calls just made; what a plugin kept longer than that, it hides on purpose.
const maxRemembered = 64

// remember adds secrets to what is taken out.
func (r *redactor) remember(values ...secret.Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		// Shorter ones would blot out ordinary words.
		if s := v.Reveal(); len(s) >= 6 {
			r.secrets = append(r.secrets, s)
		}
	}
	r.secrets = r.secrets[max(0, len(r.secrets)-maxRemembered):]
	r.replace = nil
}

// secretShapes are secrets by their looks: a scheme or a name in front, or the
// prefix that a vendor puts on its tokens.
var secretShapes = regexp.MustCompile(
	`(?i)(bearer|basic)\s+[a-z0-9._~+/=-]{6,}` +
		`|(?:access_token|refresh_token|id_token|client_secret|code_verifier|device_code|password|passphrase|secret|token|code|assertion)["']?\s*[=:]\s*["']?[^\s"'&,;}]{6,}` +
		`|eyJ[a-z0-9_-]{4,}\.[a-z0-9_-]{8,}(\.[a-z0-9_-]*)?` +
		`|\bgh[a-z]_[a-z0-9]{16,}|\bgithub_pat_[a-z0-9_]{16,}|\bxox[a-z]-[a-z0-9-]{8,}|\bya29\.[a-z0-9_-]{8,}|\b1//[a-z0-9_-]{16,}|\bsp_(?:app|key)_[a-z0-9_-]{8,}`)

// clean is clean with secrets taken out first, so that no cut leaves half of
// one.
func (r *redactor) clean(s string, limit int) string {
	r.mu.Lock()
	if r.replace == nil {
		var pairs []string
		for _, v := range r.secrets {
			for _, form := range []string{v, url.QueryEscape(v), base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v))} {
				pairs = append(pairs, form, secret.Redacted)
			}
		}
		r.replace = strings.NewReplacer(pairs...)
	}
	replace := r.replace
	r.mu.Unlock()
	return clean(secretShapes.ReplaceAllString(replace.Replace(s), secret.Redacted), limit)
}
