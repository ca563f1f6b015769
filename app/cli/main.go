// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the program and returns its exit code. args is without the
// program's name.
func Main(args []string) int {
	harden()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	return Run(ctx, args, systemIO())
}

// Run runs the program on the given streams and returns its exit code. It does
// not harden the process.
func Run(ctx context.Context, args []string, io IO) int {
	e := &env{IO: io}
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if _, wrong := errors.AsType[mistake](err); wrong || err != nil && !e.ran {
		err = usageError(err, cmd.CommandPath())
	}
	return e.fail(ctx, err)
}
