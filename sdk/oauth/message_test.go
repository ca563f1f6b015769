// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	// The server's clock is three hours behind, or this machine's is ahead.
	server := time.Now().Add(-3 * time.Hour).UTC().Truncate(time.Second)
	date := func(d time.Duration) string { return server.Add(d).Format(http.TimeFormat) }
	for name, c := range map[string]struct {
		header map[string]string
		want   time.Duration
	}{
		"seconds":               {map[string]string{"Retry-After": "77"}, 77 * time.Second},
		"a date":                {map[string]string{"Retry-After": date(2 * time.Minute)}, 2 * time.Minute},
		"a date that is past":   {map[string]string{"Retry-After": date(-time.Minute)}, 0},
		"a date, RFC 850":       {map[string]string{"Retry-After": server.Add(90 * time.Second).Format("Monday, 02-Jan-06 15:04:05 GMT")}, 90 * time.Second},
		"far too long":          {map[string]string{"Retry-After": "99999999"}, 24 * time.Hour},
		"less than nothing":     {map[string]string{"Retry-After": "-5"}, 0},
		"more than fits":        {map[string]string{"Retry-After": "99999999999999999999"}, 0},
		"words":                 {map[string]string{"Retry-After": "soon"}, 0},
		"nothing":               {nil, 0},
		"GitHub's reset":        {map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": strconv.FormatInt(server.Add(time.Hour).Unix(), 10)}, time.Hour},
		"GitHub's, not used up": {map[string]string{"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": strconv.FormatInt(server.Add(time.Hour).Unix(), 10)}, 0},
		"both, and seconds win": {map[string]string{"Retry-After": "5", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, 5 * time.Second},
	} {
		h := http.Header{"Date": {date(0)}}
		for k, v := range c.header {
			h.Set(k, v)
		}
		if got := retryAfter(h); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	soon := http.Header{"Retry-After": {time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)}}
	if got := retryAfter(soon); got < 50*time.Second || got > time.Minute {
		t.Errorf("a date, and no clock to take it against but ours: %v", got)
	}
}
