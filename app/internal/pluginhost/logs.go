// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LogLine is a line of a plugin's log: bounded, without control characters and
// without secrets.
type LogLine struct {
	Time    time.Time         `json:"time"`
	Level   string            `json:"level"`
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"` // provider, op, request and the plugin's own
}

// logs hands lines to whoever listens. A listener that does not keep up loses
// lines; nobody waits for it.
type logs struct {
	mu        sync.Mutex
	listeners map[string]map[chan LogLine]struct{} // by plugin
}

// Logs yields the lines that a plugin logs from now on, until ctx ends.
func (h *Host) Logs(ctx context.Context, plugin string) <-chan LogLine {
	c := make(chan LogLine, 256)
	l := &h.logs
	l.mu.Lock()
	if l.listeners == nil {
		l.listeners = map[string]map[chan LogLine]struct{}{}
	}
	if l.listeners[plugin] == nil {
		l.listeners[plugin] = map[chan LogLine]struct{}{}
	}
	l.listeners[plugin][c] = struct{}{}
	l.mu.Unlock()
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.listeners[plugin], c)
		if len(l.listeners[plugin]) == 0 {
			delete(l.listeners, plugin)
		}
		close(c)
	})
	return c
}

func (l *logs) tell(plugin string, level slog.Level, message string, fields map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.listeners[plugin] {
		select {
		case c <- LogLine{Time: time.Now(), Level: level.String(), Message: message, Fields: fields}:
		default:
		}
	}
}
