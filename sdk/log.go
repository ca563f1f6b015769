// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

type loggerKey struct{}

func withLogger(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, log)
}

// Logger returns the logger of a call: its lines name the operation and the
// provider. Outside of a call it is slog.Default().
//
// A secret.Value redacts itself in a log; a secret in a string does not.
func Logger(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return log
	}
	return slog.Default()
}

// logHandler writes hclog's JSON lines, which go-plugin hosts read.
type logHandler struct {
	module string
	prefix string // of the open groups: "a.b."
	attrs  []byte // `,"key":value` for each attribute of the logger

	mu *sync.Mutex // guards w, so that lines stay whole
	w  io.Writer
}

var _ slog.Handler = (*logHandler)(nil)

func newLogHandler(w io.Writer, module string) *logHandler {
	return &logHandler{module: module, w: w, mu: new(sync.Mutex)}
}

// Enabled implements slog.Handler. What is kept is for the host to decide.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelDebug }

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		c.attrs = appendAttr(c.attrs, h.prefix, a)
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	line := []byte(`{"@level":"` + hclogLevel(r.Level) + `","@message":`)
	line = appendJSON(line, r.Message)
	line = append(line, `,"@module":`...)
	line = appendJSON(line, h.module)
	line = append(line, `,"@timestamp":"`+at.Format("2006-01-02T15:04:05.000000Z07:00")+`"`...)
	line = append(line, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		line = appendAttr(line, h.prefix, a)
		return true
	})
	line = append(escapeControls(line), "}\n"...)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(line)
	return err
}

func hclogLevel(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	case l >= slog.LevelInfo:
		return "info"
	default:
		return "debug"
	}
}

func appendAttr(line []byte, prefix string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range v.Group() {
			line = appendAttr(line, prefix, member)
		}
		return line
	}
	if a.Equal(slog.Attr{}) {
		return line
	}
	key := prefix + a.Key
	if strings.HasPrefix(key, "@") { // hclog's own names
		key = "_" + key
	}
	line = append(line, ',')
	line = appendJSON(line, key)
	line = append(line, ':')
	switch v.Kind() {
	case slog.KindDuration:
		return appendJSON(line, v.Duration().String())
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return appendJSON(line, err.Error())
		}
		return appendJSON(line, v.Any())
	default:
		return appendJSON(line, v.Any())
	}
}

// appendJSON encodes v. It never falls back on package fmt, which looks into
// unexported fields and would show the secrets in them.
func appendJSON(line []byte, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return appendJSON(line, fmt.Sprintf("(%T)", v))
	}
	return append(line, bytes.TrimSuffix(b.Bytes(), []byte{'\n'})...)
}

// escapeControls writes as \uXXXX what JSON lets pass and a terminal or a
// reader might act on: DEL, the C1 controls, and invisible formatting such as
// the reversal of writing direction.
func escapeControls(line []byte) []byte {
	hidden := func(r rune) bool { return r >= 0x7f && unicode.In(r, unicode.Cc, unicode.Cf) }
	if bytes.IndexFunc(line, hidden) < 0 {
		return line
	}
	out := make([]byte, 0, len(line)+16)
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		switch {
		case !hidden(r):
			out = append(out, line[:n]...)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		line = line[n:]
	}
	return out
}
