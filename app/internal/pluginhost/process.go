// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/standpipe/standpipe/sdk/wire"
)

// process is one run of a plugin, from its launch to its end.
type process struct {
	run    *pluginRunner
	client *goplugin.Client
	conn   *grpc.ClientConn
	api    *wire.Client
	dial   *dialer
	socket string // of dial
	redact *redactor
	began  time.Time

	calls   atomic.Int64 // that are being made
	stopped sync.Once
	gone    chan struct{} // closed when stop has cleaned up
}

// pid is the process's number.
func (p *process) pid() int { return p.run.processID() }

// done is closed when the process has ended.
func (p *process) done() <-chan struct{} { return p.run.done }

// alive asks the process whether it is, within limit. A stopped or looping
// process does not answer.
func (p *process) alive(limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	return err == nil
}

// killWait bounds how long go-plugin is waited for. Its Kill may block for
// ever; then its goroutine is abandoned.
const killWait = 5 * time.Second

// stop ends the process and everything it started. For grace it may end by
// itself; with none it is killed at once. stop returns when the process is
// gone, and may be called by several goroutines.
func (p *process) stop(grace time.Duration) {
	p.stopped.Do(func() {
		defer close(p.gone)
		cleaned := make(chan struct{})
		shutDown := func() {
			defer close(cleaned)
			defer func() { _ = recover() }() // go-plugin's, on what a plugin did
			p.client.Kill()
		}
		if grace > 0 {
			go shutDown()
			select {
			case <-p.done():
			case <-time.After(grace):
			}
		}
		// The order matters: a frozen process blocks go-plugin's Kill for
		// ever, a dead one does not.
		_ = p.run.Kill(context.Background())
		if grace <= 0 {
			go shutDown()
		}
		p.dial.close()
		select {
		case <-cleaned:
		case <-time.After(killWait):
		}
		if p.conn != nil {
			_ = p.conn.Close()
		}
	})
	<-p.gone
}
