// SPDX-License-Identifier: Apache-2.0

package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/standpipe/standpipe/sdk/internal/protocol"
)

// Serve runs the plugin and is all that its main does. It ends the process when
// the host asks for it or is gone.
//
// Started by hand, it says what the executable is for. With the argument
// "describe" it prints the descriptors as JSON, without a host, and exits 0, or
// with 1 where one is not valid.
//
// Serve takes over what the process prints: slog and log write lines to the
// host's log, and so does Logger, with the call they belong to.
func Serve(p Provider) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if len(os.Args) == 2 && os.Args[1] == "describe" {
		os.Exit(printDescription(context.Background(), p, os.Stdout, os.Stderr))
	}
	if os.Getenv(protocol.Handshake.MagicCookieKey) != protocol.Handshake.MagicCookieValue {
		fmt.Fprintf(os.Stderr, byHand, name)
		os.Exit(1)
	}
	// From here on os.Stderr is the host's; go-plugin replaces the variable.
	log := slog.New(newLogHandler(os.Stderr, name))
	slog.SetDefault(log)
	harden(log)
	exitWithParent(log)
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: protocol.Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{
			protocol.Version: {protocol.PluginName: served{p: p}},
		},
		GRPCServer: newGRPCServer,
		Logger:     hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Error, Output: os.Stderr, JSONFormat: true}),
	})
}

const byHand = `%[1]s is a plugin of Standpipe and does not run by itself:
Standpipe starts it when it is needed. Install it with "standpipe plugin install
PATH", or see which providers it serves with "%[1]s describe".
`

// served is a Provider as go-plugin wants it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	p Provider
}

var _ plugin.GRPCPlugin = served{}

// GRPCServer implements plugin.GRPCPlugin.
func (s served) GRPCServer(_ *plugin.GRPCBroker, srv *grpc.Server) error {
	register(srv, s.p)
	return nil
}

// GRPCClient implements plugin.GRPCPlugin.
func (served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this end serves")
}
