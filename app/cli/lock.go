// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newLock(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Lock the running hub: no tokens, and no keys in memory, until it is unlocked",
		Args:  operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				state, err := c.Lock(ctx)
				if err != nil {
					return err
				}
				return e.showLock(state)
			})
		}),
	}
}

func newUnlock(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "unlock",
		Short: "Unlock the running hub",
		Long: `Unlock the running hub: with its key from the keychain or wherever else the
store has it, or with the passphrase, which is asked for, or read from the
first line of standard input.`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, _ []string) error {
			return e.withRunning(ctx, func(c *instance.Client) error {
				state, err := c.LockState(ctx)
				if err != nil {
					return err
				}
				if state.Locked {
					var body contract.Unlock
					if state.Passphrase {
						if body.Passphrase, err = e.passphrase(); err != nil {
							return err
						}
					}
					if state, err = c.Unlock(ctx, body); err != nil {
						return err
					}
				}
				return e.showLock(state)
			})
		}),
	}
}

func (e *env) showLock(s contract.Lock) error {
	if e.json {
		return e.printJSON(s)
	}
	switch {
	case !s.Locked:
		e.print("The hub is unlocked.")
	case s.Passphrase:
		e.print("The hub is locked. `standpipe unlock` asks for its passphrase.")
	default:
		e.print("The hub is locked. `standpipe unlock` opens it.")
	}
	return nil
}

// passphrase asks for one, unseen where a person types it.
func (e *env) passphrase() (string, error) {
	if f, ok := e.In.(*os.File); ok && e.InTTY {
		e.note("Passphrase:")
		b, err := term.ReadPassword(int(f.Fd()))
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(e.In, 64<<10)).ReadString('\n')
	if line == "" && err != nil {
		return "", usagef("the key of this hub comes from a passphrase: type it, or write it to standard input")
	}
	return strings.TrimRight(line, "\r\n"), nil
}
