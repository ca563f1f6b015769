// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newBackup(e *env) *cobra.Command {
	var (
		to    closing
		body  contract.Backup
		force bool
	)
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything into one encrypted file",
		Long: `Write everything that the hub keeps (integrations, connections with their
tokens, apps, settings) into one encrypted file, as it is at one moment. The hub
may run meanwhile. It is an age file that a passphrase opens, which is asked for,
or with --recipient an age identity.

With --move the accounts move along: this hub stops to use their tokens, so that
the one into which the backup is restored can. Where two hubs renew one token,
many providers end it for both. What was moved is not lost here: it can be taken
back with ` + "`standpipe connections resume`" + `, as long as the backup is not restored.

What is not in it: the configuration file, the audit, plugins of others, logins of
browsers, and the key of this store.`,
		Example: `  standpipe backup standpipe.backup
  standpipe backup --recipient age1… --force /media/stick/standpipe.backup
  standpipe backup --move move.backup      then, on the new machine:
  standpipe restore move.backup`,
		Args: operands,
		RunE: e.run(func(ctx context.Context, args []string) error {
			recipients, err := to.keys(e, "the backup")
			if err != nil {
				return err
			}
			return e.withHub(ctx, func(c *instance.Client) error {
				var m backup.Manifest
				err := backup.WriteFile(args[0], force, func(w io.Writer) (err error) {
					m, err = fetchBackup(ctx, c, body, w, recipients)
					return err
				})
				if err != nil && m.Moved {
					err = takeBack(ctx, c, m.ID, err)
				}
				if err != nil {
					return err
				}
				return e.showBackup(args[0], m)
			})
		}),
	}
	to.flags(cmd)
	f := cmd.Flags()
	f.BoolVar(&force, "force", false, "replace FILE if it is there")
	f.BoolVar(&body.Move, "move", false, "stop to use the accounts here, as they move to where the backup is restored")
	f.BoolVar(&body.SkipDamaged, "skip-damaged", false, "leave out records that cannot be read, in place of failing")
	return cmd
}

// fetchBackup has the hub write a backup for a key that exists in this process
// only, and passes it on to the recipients: so the hub never learns a passphrase,
// and nothing in the clear goes over its socket. Where it fails after the hub
// began, the manifest still has ID and Moved.
func fetchBackup(ctx context.Context, c *instance.Client, body contract.Backup, to io.Writer, recipients []age.Recipient) (backup.Manifest, error) {
	transport, err := age.GenerateX25519Identity()
	if err != nil {
		return backup.Manifest{}, err
	}
	body.Recipients = []string{transport.Recipient().String()}
	stream, id, err := c.Backup(ctx, body)
	if err != nil {
		return backup.Manifest{}, err
	}
	defer stream.Close()
	m, err := backup.Rewrap(to, stream, transport, recipients...)
	if err != nil {
		return backup.Manifest{ID: id, Moved: body.Move}, err
	}
	return m, nil
}

// takeBack undoes a move whose file could not be written.
func takeBack(ctx context.Context, c *instance.Client, id string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := c.Resume(ctx, contract.Resume{Backup: id}); err != nil {
		return errors.Join(cause, hub.Errorf(hub.CodeConflict, "the accounts are still marked as moved away: %w", err).
			WithRemedy("Take them back: standpipe connections resume --all"))
	}
	return cause
}

func (e *env) showBackup(path string, m backup.Manifest) error {
	if e.json {
		return e.printJSON(struct {
			File string `json:"file"`
			backup.Manifest
		}{path, m})
	}
	e.print("Backed up %s to %s.", contentWords(m), plain(path))
	if m.Damaged > 0 {
		e.note("%s not in it.", count(m.Damaged, "damaged record is", "damaged records are"))
	}
	if m.Moved {
		e.note("The accounts are out of use here from now on. Restore the backup on the new machine, once: standpipe restore FILE")
	}
	return nil
}

// contentWords says what a backup holds.
func contentWords(m backup.Manifest) string {
	return count(m.Records[hub.KindConnection], "connection", "connections") + ", " +
		count(m.Records[hub.KindIntegration], "integration", "integrations") + " and " +
		count(m.Records[hub.KindApp], "app", "apps")
}
