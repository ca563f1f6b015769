// SPDX-License-Identifier: Apache-2.0

package security

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// forger stands in front of a provider, under an issuer of its own, and can
// change what it answers. Its fields are set between flows.
type forger struct {
	*httptest.Server
	how    string // signature of ID tokens: "", none, HS256, other key, unknown kid
	token  http.HandlerFunc
	change func(answer map[string]any)
}

func newForger(t *testing.T, op *oauthtest.Server) *forger {
	t.Helper()
	target, err := url.Parse(op.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Accept-Encoding") },
		ModifyResponse: func(r *http.Response) error {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			// Discovery names the forger, so that its issuer is the flow's.
			b = bytes.ReplaceAll(b, []byte(op.URL), []byte(f.URL))
			if r.Request.URL.Path == "/token" {
				b = f.forge(t, b)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
			r.Header.Del("Content-Length")
			return nil
		},
	}
	f.Server = serving(t, func(w http.ResponseWriter, r *http.Request) {
		if f.token != nil && r.URL.Path == "/token" {
			f.token(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	op.Set(func(q *oauthtest.Quirks) {
		q.IDToken = func(claims map[string]any) { claims["iss"] = f.URL }
	})
	return f
}

func (f *forger) forge(t *testing.T, body []byte) []byte {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return body
	}
	if id, ok := answer["id_token"].(string); ok && f.how != "" {
		answer["id_token"] = f.sign(t, id)
	}
	if f.change != nil {
		f.change(answer)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		t.Error(err)
	}
	return b
}

// sign replaces the signature of a JWT.
func (f *forger) sign(t *testing.T, jwt string) string {
	parts := strings.Split(jwt, ".")
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Error(err)
		return jwt
	}
	var h map[string]any
	if err := json.Unmarshal(head, &h); err != nil {
		t.Error(err)
		return jwt
	}
	switch f.how {
	case "none", "HS256":
		h["alg"] = f.how
	case "unknown kid":
		h["kid"] = "nobody"
	}
	head, _ = json.Marshal(h)
	input := base64.RawURLEncoding.EncodeToString(head) + "." + parts[1]
	digest := sha256.Sum256([]byte(input))
	var sig []byte
	switch f.how {
	case "HS256": // with what everybody knows for a key
		m := hmac.New(sha256.New, []byte(clientSecret))
		m.Write([]byte(input))
		sig = m.Sum(nil)
	case "other key", "unknown kid":
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Error(err)
			return jwt
		}
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Error(err)
			return jwt
		}
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}
