// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// DefaultListen is where the sandbox listens unless told otherwise.
const DefaultListen = "127.0.0.1:4790"

// Listen opens the sandbox's listener; listen is a loopback address and a
// port, empty: DefaultListen. The name localhost is not taken, because what it
// stands for is not ours to say.
func Listen(ctx context.Context, listen string) (net.Listener, error) {
	if listen == "" {
		listen = DefaultListen
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "localhost" || !loopback(host) {
		return nil, fmt.Errorf("the sandbox listens on this machine only; use 127.0.0.1:PORT instead of %q", listen)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("the sandbox cannot listen on %s: %w", listen, err)
	}
	return l, nil
}

// Serve answers on l until ctx ends, then finishes what is under way.
func (s *Sandbox) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, MaxHeaderBytes: 1 << 16,
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("the sandbox stopped: %w", err)
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(finish); err != nil {
		_ = srv.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the sandbox stopped: %w", err)
	}
	return nil
}

// Run makes a Sandbox and serves it until ctx ends. ready is told its base URL
// once it answers; nil: nobody is.
func Run(ctx context.Context, listen string, o Options, ready func(baseURL string)) error {
	s, err := New(o)
	if err != nil {
		return err
	}
	l, err := Listen(ctx, listen)
	if err != nil {
		return err
	}
	if ready != nil {
		ready("http://" + l.Addr().String())
	}
	return s.Serve(ctx, l)
}
