// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Bounds of what a plugin may print.
const (
	maxLogLine   = 4 << 10   // bytes of a line; the rest of it is dropped
	logBurst     = 100       // lines at once
	logPerSecond = 10        // lines per second in the long run
	readBurst    = 4 << 20   // bytes that are read at full speed
	readPerTick  = 128 << 10 // bytes per tick after that
	readTick     = 100 * time.Millisecond
)

// output takes what a plugin prints, on whatever way, and puts it into the
// log: line by line, bounded, without control characters and without secrets.
// It never blocks for long and is safe for concurrent use.
type output struct {
	log    *slog.Logger
	redact *redactor
	now    func() time.Time
	tap    func(slog.Level, string, map[string]string) // nil: nobody listens

	mu      sync.Mutex
	line    []byte
	long    bool // the line was longer than what was kept of it
	tokens  float64
	refill  time.Time
	dropped int
	last    string // the last line, for error messages
}

func newOutput(log *slog.Logger, redact *redactor) *output {
	return &output{log: log, redact: redact, now: time.Now, tokens: logBurst, refill: time.Now()}
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		part, rest, whole := bytes.Cut(p, []byte{'\n'})
		if room := maxLogLine - len(o.line); len(part) > room {
			part, o.long = part[:room], true
		}
		o.line = append(o.line, part...)
		if whole {
			o.endLine()
		}
		p = rest
	}
	return n, nil
}

// flush logs an unfinished line.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		o.endLine()
	}
}

// lastLine is the last line that was printed, cleaned; "" if there was none.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

func (o *output) endLine() {
	line, long := o.line, o.long
	defer func() { o.line, o.long = o.line[:0], false }()
	now := o.now()
	o.tokens = min(logBurst, o.tokens+now.Sub(o.refill).Seconds()*logPerSecond)
	o.refill = now
	if o.tokens < 1 {
		o.dropped++
		return
	}
	o.tokens--
	if o.dropped > 0 {
		o.log.Warn("the plugin prints too much", "lines_dropped", o.dropped)
		o.dropped = 0
	}
	level, msg, attrs := parseLogLine(line)
	msg = o.redact.clean(msg, maxLogLine)
	if msg == "" {
		return
	}
	if long {
		msg += " …"
	}
	o.last = msg
	args := make([]slog.Attr, 0, len(attrs))
	fields := make(map[string]string, len(attrs))
	for _, k := range sortedKeys(attrs) {
		a := slog.String(clean(k, 64), o.redact.clean(attrs[k], maxText))
		args, fields[a.Key] = append(args, a), a.Value.String()
	}
	if o.tap != nil {
		o.tap(level, msg, fields)
	}
	o.log.LogAttrs(context.Background(), level, msg, args...)
}

// parseLogLine reads a line of slog's or hclog's JSON; any other line is a
// message. Keys are texts, so that no plugin decides the shape of our log.
func parseLogLine(line []byte) (slog.Level, string, map[string]string) {
	var fields map[string]any
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &fields) != nil {
		return slog.LevelInfo, string(line), nil
	}
	take := func(names ...string) string {
		for _, n := range names {
			if s, ok := fields[n].(string); ok {
				delete(fields, n)
				return s
			}
		}
		return ""
	}
	msg := take("msg", "@message")
	level := slog.LevelInfo
	switch strings.ToLower(take("level", "@level")) {
	case "trace", "debug":
		level = slog.LevelDebug
	case "warn", "warning":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	}
	take("time", "@timestamp")
	take("source", "@module")
	if msg == "" {
		return level, string(line), nil
	}
	attrs := map[string]string{}
	for _, k := range sortedKeys(fields) {
		if len(attrs) == 20 {
			break
		}
		if s, ok := fields[k].(string); ok {
			attrs[k] = s
		} else if b, err := json.Marshal(fields[k]); err == nil {
			attrs[k] = string(b)
		}
	}
	return level, msg, attrs
}

// throttled returns a writer to o that slows down whoever writes megabytes,
// until done is closed. A plugin that prints without end must not keep the
// hub's processor busy; it may well wait itself.
func (o *output) throttled(done <-chan struct{}) io.Writer {
	return &throttle{to: o, done: done, left: readBurst}
}

type throttle struct {
	to   io.Writer
	done <-chan struct{}
	left int
}

func (t *throttle) Write(p []byte) (int, error) {
	if t.left -= len(p); t.left < 0 {
		select {
		case <-t.done:
		case <-time.After(readTick):
			t.left += readPerTick
		}
	}
	return t.to.Write(p)
}

// exitText says how a process ended, with its last words.
func exitText(err error, last string) string {
	s := "it ended"
	if err != nil {
		s = fmt.Sprintf("it ended with %s", clean(err.Error(), 100))
	}
	if last != "" {
		s += "; its last words: " + clean(last, 300)
	}
	return s
}
