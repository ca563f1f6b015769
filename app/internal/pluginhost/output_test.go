// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

func newTestOutput(t *testing.T) (*output, *bytes.Buffer) {
	t.Helper()
	var buf bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := newOutput(log, &redactor{})
	at := time.Unix(1e9, 0)
	o.now, o.refill = func() time.Time { return at }, at
	return o, &buf
}

func TestOutputTakesSecretsOut(t *testing.T) {
	t.Parallel()
	const canary = "c4n+ry/8f2a=9d?x"
	o, buf := newTestOutput(t)
	o.redact.remember(secret.New(canary))
	for _, line := range []string{
		"plain " + canary + " end",
		url.QueryEscape(canary),
		base64.StdEncoding.EncodeToString([]byte(canary)),
		base64.RawURLEncoding.EncodeToString([]byte(canary)),
		`{"msg":"x ` + canary + `","level":"error","body":"` + canary + `","n":{"deep":"` + canary + `"}}`,
	} {
		_, _ = o.Write([]byte(line + "\n"))
	}
	for _, form := range []string{canary, url.QueryEscape(canary), base64.StdEncoding.EncodeToString([]byte(canary)), base64.RawURLEncoding.EncodeToString([]byte(canary))} {
		if strings.Contains(buf.String(), form) {
			t.Errorf("the log holds %q", form)
		}
	}
	if n := strings.Count(buf.String(), secret.Redacted); n != 7 {
		t.Errorf("%d redactions, want 7:\n%s", n, buf)
	}
}

func TestOutputTakesOutWhatLooksLikeASecret(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"Authorization: Bearer abcdef0123456789",
		"access_token=abcdef0123456789&x=1",
		`{"refresh_token": "abcdef0123456789"}`,
		"got ghp_abcdef0123456789abcdef",
		"got xoxb-abcdef0123456789",
		"got eyJhbGciOi.abcdef0123456789.sig",
		"POST /token code=abcdef0123456789",
	} {
		o, buf := newTestOutput(t)
		_, _ = o.Write([]byte(line + "\n"))
		if strings.Contains(buf.String(), "abcdef0123456789") {
			t.Errorf("the log holds the token of %q: %s", line, buf)
		}
	}
}

func TestOutputIsBoundedAndInert(t *testing.T) {
	t.Parallel()
	o, buf := newTestOutput(t)
	_, _ = o.Write([]byte("\x1b[2Jhello\x00 \u202eworld\r\n"))
	if got := buf.String(); !strings.Contains(got, `"msg":"[2Jhello world"`) {
		t.Errorf("control characters stay: %s", got)
	}
	buf.Reset()
	junk := bytes.Repeat([]byte("x"), 1<<20)
	for range 64 {
		_, _ = o.Write(junk)
	}
	_, _ = o.Write([]byte("\n"))
	if buf.Len() > maxLogLine+500 {
		t.Errorf("a line of 64 MiB became %d bytes of log", buf.Len())
	}
	buf.Reset()
	for range 100_000 {
		_, _ = o.Write([]byte("again\n"))
	}
	if n := strings.Count(buf.String(), "again"); n > logBurst {
		t.Errorf("%d lines were logged at once", n)
	}
	at := o.now().Add(10 * time.Second)
	o.now = func() time.Time { return at }
	_, _ = o.Write([]byte("later\n"))
	if !strings.Contains(buf.String(), "lines_dropped") || !strings.Contains(buf.String(), "later") {
		t.Errorf("what was dropped is not told: %s", buf.String()[max(0, buf.Len()-300):])
	}
}

func TestOutputReadsLevels(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]slog.Level{
		`{"level":"WARN","msg":"m"}`:        slog.LevelWarn,
		`{"@level":"debug","@message":"m"}`: slog.LevelDebug,
		`{"level":"ERROR","msg":"m"}`:       slog.LevelError,
		`panic: m`:                          slog.LevelInfo,
	} {
		if got, _, _ := parseLogLine([]byte(line)); got != want {
			t.Errorf("level of %s is %s, want %s", line, got, want)
		}
	}
	if _, msg, attrs := parseLogLine([]byte(`{"msg":"m","k":"v","time":"t","nested":{"a":1}}`)); msg != "m" || len(attrs) != 2 || attrs["nested"] != `{"a":1}` {
		t.Errorf("msg %q, attrs %v", msg, attrs)
	}
}
