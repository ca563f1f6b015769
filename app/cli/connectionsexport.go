// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/standpipe/standpipe/app/internal/api/contract"
	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/instance"
)

func newConnectionsExport(e *env) *cobra.Command {
	var (
		to               closing
		body             contract.Export
		out              string
		force, plaintext bool
	)
	cmd := &cobra.Command{
		Use:   "export ID… --out FILE",
		Short: "Write connections with their tokens to a file, for another program",
		Long: `Write connections with their tokens to a file, a JSON object a line, for the
program that is to use them from now on. The file is an age file that a
passphrase opens, which is asked for, or with --recipient an age identity.

Where two programs renew one token, many providers end it for both. With --move,
this hub stops to use the connections; ` + "`standpipe connections resume`" + ` takes them back.

With --insecure-plaintext everybody who can read the file can act as you at the
providers, for as long as the tokens live. Delete it as soon as it was read.`,
		Args: cobra.ArbitraryArgs,
		RunE: e.run(func(ctx context.Context, args []string) error {
			body.Connections = args
			switch {
			case len(args) == 0 && !body.All, len(args) > 0 && body.All:
				return usagef("say which connections: their ids, or --all")
			case out == "":
				return usagef("say where to: --out FILE")
			}
			var recipients []age.Recipient
			if !plaintext {
				var err error
				if recipients, err = to.keys(e, "the export"); err != nil {
					return err
				}
			}
			return e.withHub(ctx, func(c *instance.Client) error {
				return e.export(ctx, c, body, out, force, recipients)
			})
		}),
	}
	to.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "the `FILE` to write")
	f.BoolVar(&body.All, "all", false, "all connections, of all owners")
	f.BoolVar(&body.Move, "move", false, "stop to use them here")
	f.BoolVar(&force, "force", false, "replace FILE if it is there")
	f.BoolVar(&plaintext, "insecure-plaintext", false, "do not encrypt: whoever reads the file has your accounts")
	cmd.MarkFlagsMutuallyExclusive("insecure-plaintext", "passphrase-file")
	cmd.MarkFlagsMutuallyExclusive("insecure-plaintext", "passphrase-fd")
	cmd.MarkFlagsMutuallyExclusive("insecure-plaintext", "recipient")
	return cmd
}

// export writes a file; without recipients, in the clear.
func (e *env) export(ctx context.Context, c *instance.Client, body contract.Export, out string, force bool, recipients []age.Recipient) error {
	begun := "" // the id, once the hub may have moved anything
	n := 0
	err := backup.WriteFile(out, force, func(w io.Writer) error {
		transport, err := age.GenerateX25519Identity()
		if err != nil {
			return err
		}
		body.Recipients = []string{transport.Recipient().String()}
		stream, id, err := c.Export(ctx, body)
		if err != nil {
			return err
		}
		defer stream.Close()
		begun = id
		plain, err := age.Decrypt(stream, transport)
		if err != nil {
			return hub.Errorf(hub.CodeInternal, "the hub broke off: %w", err)
		}
		count := &lines{}
		if len(recipients) == 0 {
			_, err = io.Copy(io.MultiWriter(w, count), plain)
			n = count.n
			return err
		}
		sealed, err := age.Encrypt(w, recipients...)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.MultiWriter(sealed, count), plain); err != nil {
			return err
		}
		n = count.n
		return sealed.Close()
	})
	if err != nil && begun != "" && body.Move {
		err = takeBack(ctx, c, begun, err)
	}
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(struct {
			File        string `json:"file"`
			ID          string `json:"id"`
			Connections int    `json:"connections"`
			Encrypted   bool   `json:"encrypted"`
			Moved       bool   `json:"moved"`
		}{out, begun, n, len(recipients) > 0, body.Move})
	}
	e.print("Wrote %s to %s.", count(n, "connection", "connections"), plain(out))
	if len(recipients) == 0 {
		e.note("")
		e.note("WARNING: %s holds your tokens IN THE CLEAR. Whoever reads it can act as you. Delete it as soon as it was read.", plain(out))
	}
	if !body.Move {
		e.note("This hub goes on renewing these tokens. If the other program renews them too, the provider may end them for both.")
	}
	return nil
}

// lines counts line ends.
type lines struct{ n int }

func (l *lines) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			l.n++
		}
	}
	return len(p), nil
}
