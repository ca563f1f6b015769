// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

func TestLogLinesAreHclogs(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(newLogHandler(&out, "standpipe-provider-x"))
	log.With("a", 1).WithGroup("g").With("b", true).Error("it broke\nfor good",
		slog.Group("in", "c", 2*time.Second), "err", errors.New("why"), slog.Attr{}, "@message", "mine", "f", func() {})
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%v in %q", err, out.String())
	}
	at, err := time.Parse(time.RFC3339Nano, got["@timestamp"].(string))
	if err != nil || time.Since(at) > time.Minute {
		t.Errorf("timestamp %v: %v", got["@timestamp"], err)
	}
	delete(got, "@timestamp")
	want := map[string]any{
		"@level": "error", "@message": "it broke\nfor good", "@module": "standpipe-provider-x",
		"a": 1.0, "g.b": true, "g.in.c": "2s", "g.err": "why", "g.@message": "mine", "g.f": "(func())",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestLogNamesAreHclogsOwn(t *testing.T) {
	var out bytes.Buffer
	slog.New(newLogHandler(&out, "m")).Info("true", "@message", "false", "@level", "error")
	if got := out.String(); !strings.Contains(got, `"_@message":"false"`) || !strings.Contains(got, `"_@level":"error"`) {
		t.Errorf("got %s", got)
	}
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "debug", slog.LevelInfo: "info", slog.LevelWarn: "warn", slog.LevelError + 4: "error",
	} {
		if got := hclogLevel(level); got != want {
			t.Errorf("level %v is %q, want %q", level, got, want)
		}
	}
}

func TestLogEscapesControls(t *testing.T) {
	var out bytes.Buffer
	text := "a\x1b[2J\x00\r\n\x7f\u0085\u009b\u202e\U000e0001\xffz"
	slog.New(newLogHandler(&out, "m")).Info(text, "k"+text, text)
	line := strings.TrimSuffix(out.String(), "\n")
	for _, r := range line {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\U000e0001' {
			t.Errorf("%U is in the line", r)
		}
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(text, "\uFFFD"); got["@message"] != want || got["k"+want] != want {
		t.Errorf("the text did not survive: %q", got)
	}
}

func TestLogRedactsSecrets(t *testing.T) {
	const canary = "canary-77aa"
	var out bytes.Buffer
	v := secret.New(canary)
	type hidden struct {
		Public  secret.Value
		private secret.Value
	}
	log := slog.New(newLogHandler(&out, "m")).With("early", v)
	log.Info("x", "value", v, "struct", hidden{v, v}, "pointer", &hidden{v, v}, "map", map[string]secret.Value{"k": v},
		"list", []secret.Value{v}, "tokens", TokenSet{AccessToken: v, Named: map[string]NamedToken{"n": {AccessToken: v}}},
		slog.Group("g", "v", v), "request", &RefreshRequest{ClientSecret: v, RefreshToken: v})
	if strings.Contains(out.String(), canary) {
		t.Errorf("a secret is in %s", out.String())
	}
	if strings.Count(out.String(), secret.Redacted) < 8 {
		t.Errorf("the secrets are not marked: %s", out.String())
	}
}

func TestLogLinesStayWhole(t *testing.T) {
	var out lines
	log := slog.New(newLogHandler(&out, "m"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			log := log.With("worker", i)
			for range 50 {
				log.Info("x")
			}
		})
	}
	all.Wait()
	if out.whole != 400 || out.broken != 0 {
		t.Errorf("%d whole lines, %d broken ones", out.whole, out.broken)
	}
}

// lines counts the writes that are one JSON line each. It is not locked: that
// is the handler's business, and the race detector watches.
type lines struct{ whole, broken int }

func (l *lines) Write(p []byte) (int, error) {
	if json.Valid(p) && bytes.IndexByte(p, '\n') == len(p)-1 {
		l.whole++
	} else {
		l.broken++
	}
	return len(p), nil
}

func TestLoggerOfACall(t *testing.T) {
	if Logger(context.Background()) != slog.Default() {
		t.Error("outside of a call it is not the default")
	}
	log := slog.New(slog.DiscardHandler)
	if Logger(withLogger(context.Background(), log)) != log {
		t.Error("within a call it is not the call's")
	}
}
