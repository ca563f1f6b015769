// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/standpipe/standpipe/app/internal/backup"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/sdk/secret"
)

// passphrase is where a passphrase comes from: a file, a descriptor, or the
// person at the terminal. Never an argument, as others can read those.
type passphrase struct {
	file string
	fd   int
	name string // what it is in errors; empty: a passphrase
}

func (p *passphrase) word() string { return cmp.Or(p.name, "passphrase") }

func (p *passphrase) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "passphrase-file", "", "the `FILE` that holds the passphrase, - for stdin")
	cmd.Flags().IntVar(&p.fd, "passphrase-fd", -1, "the descriptor `N` that holds the passphrase")
	cmd.MarkFlagsMutuallyExclusive("passphrase-file", "passphrase-fd")
}

func (p *passphrase) given() bool { return p.file != "" || p.fd >= 0 }

// read returns the passphrase; twice is for a new one, which is asked for
// again.
func (p *passphrase) read(e *env, what string, twice bool) (secret.Value, error) {
	switch {
	case p.file == "-":
		return lineOf(e.In, p.word())
	case p.file != "":
		f, err := os.Open(p.file)
		if err != nil {
			return secret.Value{}, hub.Errorf(hub.CodeInvalid, "read the %s: %w", p.word(), err)
		}
		defer f.Close()
		return lineOf(f, p.word())
	case p.fd >= 0:
		f := os.NewFile(uintptr(p.fd), "passphrase")
		if f == nil {
			return secret.Value{}, usagef("--passphrase-fd %d: there is no such descriptor", p.fd)
		}
		defer f.Close()
		return lineOf(f, p.word())
	case !e.InTTY:
		return secret.Value{}, usagef("%s needs a passphrase, and nobody is there to type one: give it with --passphrase-file or --passphrase-fd", what)
	}
	first, err := e.ask("Passphrase of " + what + ": ")
	if err != nil || !twice {
		return first, err
	}
	again, err := e.ask("Once more: ")
	if err == nil && !again.Equal(first) {
		err = hub.Errorf(hub.CodeInvalid, "the two passphrases differ")
	}
	return first, err
}

// lineOf reads a passphrase, or what word says, to its end, less the ends of
// lines: the same one from a file, a descriptor and a terminal. Blanks are a part
// of it.
func lineOf(r io.Reader, word string) (secret.Value, error) {
	const most = 4 << 10
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	defer clear(data)
	switch {
	case err != nil:
		return secret.Value{}, hub.Errorf(hub.CodeInvalid, "read the %s: %w", word, err)
	case len(data) > most:
		return secret.Value{}, hub.Errorf(hub.CodeInvalid, "the %s is longer than %d bytes", word, most).
			WithRemedy("See that the file holds nothing else, or choose a shorter passphrase.")
	}
	line := strings.TrimRight(string(data), "\r\n")
	if line == "" {
		return secret.Value{}, hub.Errorf(hub.CodeInvalid, "the %s is empty", word).
			WithRemedy("Type it, or see that the file or descriptor that was named holds it.")
	}
	return secret.New(line), nil
}

// ask reads a line from the terminal without showing it.
func (e *env) ask(prompt string) (secret.Value, error) {
	_, _ = fmt.Fprint(e.Err, prompt)
	line, err := term.ReadPassword(int(os.Stdin.Fd()))
	e.note("")
	if err != nil {
		return secret.Value{}, hub.Errorf(hub.CodeInvalid, "read the passphrase: %w", err)
	}
	defer clear(line)
	return secret.New(string(line)), nil
}

// closing is for whom a file is encrypted.
type closing struct {
	passphrase
	recipients []string
}

func (c *closing) flags(cmd *cobra.Command) {
	c.passphrase.flags(cmd)
	cmd.Flags().StringArrayVar(&c.recipients, "recipient", nil, "encrypt to this age `PUBLICKEY` (age1…) in place of a passphrase (repeatable)")
	cmd.MarkFlagsMutuallyExclusive("recipient", "passphrase-file")
	cmd.MarkFlagsMutuallyExclusive("recipient", "passphrase-fd")
}

func (c *closing) keys(e *env, what string) ([]age.Recipient, error) {
	if len(c.recipients) > 0 {
		return backup.Recipients(c.recipients)
	}
	p, err := c.read(e, what, true)
	if err != nil {
		return nil, err
	}
	r, err := backup.ToPassphrase(p)
	return []age.Recipient{r}, err
}

// opening is what opens an encrypted file.
type opening struct {
	passphrase
	identity string
}

func (o *opening) flags(cmd *cobra.Command) {
	o.passphrase.flags(cmd)
	cmd.Flags().StringVar(&o.identity, "identity", "", "the age identity `FILE` that opens it, where it was made with --recipient")
	cmd.MarkFlagsMutuallyExclusive("identity", "passphrase-file")
	cmd.MarkFlagsMutuallyExclusive("identity", "passphrase-fd")
}

// open opens an encrypted file and finds what decrypts it. The caller closes it.
func (o *opening) open(e *env, path, what string) (io.ReadCloser, []age.Identity, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	in := buffered{bufio.NewReaderSize(f, 64<<10), f}
	head, _ := in.Peek(backup.HeadSize)
	ids, err := o.keys(e, head, what)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return in, ids, nil
}

// unseal opens a file, and decrypts what is encrypted. The caller closes it.
func (o *opening) unseal(e *env, path, what string) (io.ReadCloser, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	in := buffered{bufio.NewReaderSize(f, 64<<10), f}
	head, _ := in.Peek(backup.HeadSize)
	if !backup.Encrypted(head) {
		return in, nil
	}
	ids, err := o.keys(e, head, what)
	if err == nil {
		var plain io.Reader
		if plain, err = backup.Decrypt(in, ids...); err == nil {
			return buffered{bufio.NewReader(plain), f}, nil
		}
	}
	return nil, errors.Join(err, f.Close())
}

type buffered struct {
	*bufio.Reader
	io.Closer
}

func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hub.Errorf(hub.CodeInvalid, "there is no file %s", path)
	}
	if err != nil {
		return nil, hub.Errorf(hub.CodeInvalid, "read %s: %w", path, err)
	}
	return f, nil
}

func (o *opening) keys(e *env, head []byte, what string) ([]age.Identity, error) {
	if o.identity != "" {
		f, err := os.Open(o.identity)
		if err != nil {
			return nil, hub.Errorf(hub.CodeInvalid, "read the identity: %w", err)
		}
		defer f.Close()
		return backup.Identities(f)
	}
	if !backup.WantsPassphrase(head) && !o.given() {
		return nil, usagef("%s was made for an age identity: name its file with --identity", what)
	}
	p, err := o.read(e, what, false)
	if err != nil {
		return nil, err
	}
	i, err := backup.ByPassphrase(p)
	return []age.Identity{i}, err
}
