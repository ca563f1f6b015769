// SPDX-License-Identifier: Apache-2.0

package instance_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func TestHandlerTransport(t *testing.T) {
	c := instance.NewClient(instance.HandlerTransport(serveHello(hello)))
	if h, err := c.Hello(t.Context()); err != nil || h != hello {
		t.Errorf("Hello = %+v, %v", h, err)
	}
	if _, err := c.Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a route that is not there: %v", err)
	}
}

func TestHandlerTransportStreams(t *testing.T) {
	more, gone := make(chan string), make(chan struct{})
	c := instance.NewClient(instance.HandlerTransport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		w.(http.Flusher).Flush()
		for {
			select {
			case s := <-more:
				_, _ = io.WriteString(w, "data: {\"type\":\"flow.changed\",\"flow\":\""+s+"\"}\n\n")
			case <-r.Context().Done():
				return
			}
		}
	})))
	events, stop, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { more <- "one"; more <- "two" }()
	var got []string
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		if e.Type != hub.EventFlow {
			t.Errorf("event %+v", e)
		}
		if got = append(got, e.Flow); len(got) == 2 {
			break
		}
	}
	stop()
	<-gone // the handler learns that nobody listens
	if strings.Join(got, " ") != "one two" {
		t.Errorf("got %q", got)
	}
}

func TestHandlerTransportSurvivesPanicAndCancel(t *testing.T) {
	c := instance.NewClient(instance.HandlerTransport(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/local/keys" {
			panic("boom")
		}
		<-r.Context().Done()
	})))
	if _, err := c.Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a panic becomes %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Apps(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call returns %v", err)
	}
}
