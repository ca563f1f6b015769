// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/standpipe/standpipe/sdk"
	"github.com/standpipe/standpipe/sdk/secret"
)

const (
	maxMessage    = 200
	minSecret     = 4 // what is shorter is in every text by chance
	maxRetryAfter = 24 * time.Hour
)

var (
	codeText = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)
	// tokenLike is a run that might be a secret, whosever it is.
	tokenLike = regexp.MustCompile(`[A-Za-z0-9_.~+/=%-]{20,}`)
)

var refusals = map[Leg]string{
	LegExchange: "did not accept the authorization",
	LegRefresh:  "did not renew the access",
	LegIdentify: "did not say whose account this is",
	LegRevoke:   "did not revoke the token",
	LegDevice:   "does not connect by a code",

	LegPush:       "did not take the authorization request",
	LegIntrospect: "did not say how long the token lives",

	LegDiscovery: "did not give its metadata",
}

// message says for people what happened: in our words, then in the provider's.
func (s *Standard) message(c *call, a *answer, e said) string {
	out := s.Descriptor.Name + " " + refusals[c.leg]
	switch text := clean(e.text, c.carried()); {
	case text != "":
		out += ": " + text
	case cleanCode(e.code, c.carried()) != "":
		out += ": " + e.code
	case a.doc == nil:
		out += fmt.Sprintf(": its answer (HTTP %d) cannot be read", a.status)
	default:
		out += fmt.Sprintf(" (HTTP %d)", a.status)
	}
	return cut(out)
}

// clean makes a provider's text fit to be shown: one line, no control
// characters, nothing that is or might be a secret.
func clean(text string, secrets []secret.Value) string {
	for _, v := range secrets {
		if raw := v.Reveal(); len(raw) >= minSecret && (strings.Contains(text, raw) || strings.Contains(text, url.QueryEscape(raw))) {
			return ""
		}
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = tokenLike.ReplaceAllStringFunc(text, func(run string) string {
		if strings.ContainsAny(run, "0123456789") {
			return "[…]"
		}
		return run
	})
	return cut(strings.Join(strings.Fields(text), " "))
}

func cut(text string) string {
	if r := []rune(text); len(r) > maxMessage {
		return string(r[:maxMessage-1]) + "…"
	}
	return text
}

// cleanCode passes an error code through if it is one.
func cleanCode(code string, secrets []secret.Value) string {
	if !codeText.MatchString(code) || clean(code, secrets) != code {
		return ""
	}
	return code
}

// unreachable is the error of a call without an answer. The cause is put into
// words of ours: texts of net/http carry URLs.
func unreachable(provider, host string, err error) *sdk.Error {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e // the host refused to dial, and says why
	}
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		n    net.Error
	)
	what := "cannot be reached"
	switch {
	case errors.Is(err, errTooLarge):
		what = "answered with more than 1 MiB"
	case errors.Is(err, context.Canceled):
		what = "was not waited for"
	case errors.As(err, &dns) && dns.IsNotFound:
		what = "cannot be found"
	case errors.As(err, &cert):
		what = "shows a certificate that is not valid"
	case errors.As(err, &n) && n.Timeout():
		what = "did not answer in time"
	}
	return sdk.Temporary(cut(fmt.Sprintf("%s (%s) %s", provider, host, what)))
}

// retryAfter reads Retry-After (RFC 9110 section 10.2.3), and GitHub's
// X-RateLimit-Reset where there is none. Dates are taken against the answer's
// own Date, because this machine's clock may be wrong.
func retryAfter(h http.Header) time.Duration {
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	v := h.Get("Retry-After")
	var after time.Duration
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		after = at.Sub(now)
	} else if reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64); err == nil && h.Get("X-RateLimit-Remaining") == "0" {
		after = time.Unix(reset, 0).Sub(now)
	}
	return min(max(after, 0), maxRetryAfter)
}
