// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Events opens the hub's event stream. When it returns, the hub is listening:
// what changes from now on is yielded, so look at the state after it, not
// before. The sequence ends when ctx does or the hub goes; a broken stream
// yields its error last. Call stop when done, also without having iterated.
func (c *Client) Events(ctx context.Context) (events iter.Seq2[hub.Event, error], stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	resp, err := c.send(ctx, http.MethodGet, "/ui/api/events", nil)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	events = func(yield func(hub.Event, error) bool) {
		err := readEvents(resp.Body, func(e hub.Event) bool { return yield(e, nil) })
		if err != nil && ctx.Err() == nil {
			yield(hub.Event{}, fmt.Errorf("read the hub's events: %w", err))
		}
	}
	return events, func() { cancel(); _ = resp.Body.Close() }, nil
}

// readEvents parses a text/event-stream (HTML Living Standard, 9.2) as far as
// the hub uses it: "data:" lines, each group of them ended by an empty line.
func readEvents(r io.Reader, yield func(hub.Event) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var data strings.Builder
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "data:"); ok {
			data.WriteString(strings.TrimPrefix(rest, " "))
			data.WriteByte('\n')
			continue
		}
		if line != "" || data.Len() == 0 {
			continue // a comment, another field, or nothing to dispatch
		}
		var e hub.Event
		if err := json.Unmarshal([]byte(data.String()), &e); err != nil {
			return err
		}
		data.Reset()
		if !yield(e) {
			return nil
		}
	}
	return lines.Err()
}
