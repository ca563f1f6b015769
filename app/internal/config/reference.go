// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/standpipe/standpipe/app/internal/keychain"
	"github.com/standpipe/standpipe/sdk/secret"
)

// references are the functions that say where a secret is.
var references = []string{"file", "keychain", "env"}

// reference is expr where it is a call of one of those functions.
func reference(expr hclsyntax.Expression) *hclsyntax.FunctionCallExpr {
	call, ok := expr.(*hclsyntax.FunctionCallExpr)
	if !ok {
		return nil
	}
	for _, name := range references {
		if call.Name == name {
			return call
		}
	}
	return nil
}

const howSecret = "Give the place of the secret, not the secret:\n" +
	"  client_secret = file(\"~/.config/standpipe/github.secret\")\n" +
	"  client_secret = keychain(\"github\")"

// secretValue reads a client secret: a reference, or a literal with a warning.
// No text of the expression gets into a diagnostic.
func (d *decoder) secretValue(a *hclsyntax.Attribute) secret.Value {
	where := a.Expr.Range()
	if call := reference(a.Expr); call != nil {
		return d.resolve(call)
	}
	if call, ok := a.Expr.(*hclsyntax.FunctionCallExpr); ok {
		d.fail(call.NameRange, "There is no function of that name", howSecret)
		return secret.Value{}
	}
	v, diags := a.Expr.Value(nil)
	literal, ok := text(v)
	if diags.HasErrors() || !ok {
		d.fail(where, "client_secret is neither a reference nor a quoted text", howSecret)
		return secret.Value{}
	}
	literal = strings.TrimSpace(literal)
	if !d.usable(where, literal, "client_secret") {
		return secret.Value{}
	}
	d.warn(where, "The client secret stands in the configuration file",
		"Whoever reads the file, a backup of it or a commit has the secret. Put it into a file of its own with mode 0600:\n"+
			"  client_secret = file(\"~/.config/standpipe/github.secret\")")
	return secret.New(literal)
}

// resolve reads what a reference points at.
func (d *decoder) resolve(call *hclsyntax.FunctionCallExpr) secret.Value {
	var args []string
	for _, arg := range call.Args {
		v, diags := arg.Value(nil)
		s, ok := text(v)
		if diags.HasErrors() || !ok || s == "" {
			d.fail(arg.Range(), call.Name+"() takes a quoted text", howSecret)
			return secret.Value{}
		}
		args = append(args, s)
	}
	if n := len(args); n == 0 || n > 2 || n == 2 && call.Name != "keychain" {
		d.fail(call.Range(), call.Name+"() takes one quoted text", howSecret)
		return secret.Value{}
	}
	switch call.Name {
	case "file":
		return d.fromFile(call.Range(), args[0])
	case "env":
		return d.fromEnv(call.Range(), args[0])
	default:
		service, account := keychain.Service, args[0]
		if len(args) == 2 {
			service, account = args[0], args[1]
		}
		return d.fromKeychain(call.Range(), service, account)
	}
}

// maxSecret bounds a secret; the longest real ones are keys of a few KiB.
const maxSecret = 64 << 10

func (d *decoder) fromFile(where hcl.Range, name string) secret.Value {
	path, err := d.path(name)
	if err != nil {
		d.fail(where, "The file of the secret cannot be found", err.Error())
		return secret.Value{}
	}
	content, mode, err := readRegular(path, maxSecret)
	if err != nil {
		d.fail(where, "The file of the secret cannot be read",
			fmt.Sprintf("%s: %s.\nMake it so that nobody else can read it:\n  install -m 600 /dev/stdin %q", path, reason(err), path))
		return secret.Value{}
	}
	if mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		d.warn(where, "Other users can read the file of the secret",
			fmt.Sprintf("%s has mode %04o. Make it yours alone:\n  chmod 600 %q", path, mode.Perm(), path))
	}
	v := strings.TrimSpace(string(content))
	if !d.usable(where, v, path) {
		return secret.Value{}
	}
	return secret.New(v)
}

// path makes a name of the file absolute: "~/" is the home folder, anything
// else is relative to the folder of the configuration file.
func (d *decoder) path(name string) (string, error) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			//lint:ignore ST1005 a sentence for people
			return "", errors.New("There is no home folder; write the whole path.")
		}
		return filepath.Join(home, rest), nil
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name), nil
	}
	return filepath.Abs(filepath.Join(d.dir, name))
}

// readRegular reads a plain file of at most limit bytes. A pipe or a device,
// which could hang or never end, is an error.
func readRegular(path string, limit int64) ([]byte, os.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is no plain file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return b, info.Mode(), err
}

// reason is an error without the path that stands before it already.
func reason(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (d *decoder) fromEnv(where hcl.Range, name string) secret.Value {
	if !envName.MatchString(name) {
		d.fail(where, "That is no name of an environment variable", "Write env(\"GITHUB_CLIENT_SECRET\").")
		return secret.Value{}
	}
	v := strings.TrimSpace(os.Getenv(name))
	if v == "" {
		d.fail(where, fmt.Sprintf("The environment variable %s is not set", name),
			"Set it where standpipe is started, or better, use file(…) or keychain(…).")
		return secret.Value{}
	}
	if !d.usable(where, v, name) {
		return secret.Value{}
	}
	d.warn(where, "The client secret comes from the environment",
		"Every program that standpipe's user runs can read the environment of the others. Use file(…) with mode 0600, or keychain(…).")
	return secret.New(v)
}

func (d *decoder) fromKeychain(where hcl.Range, service, account string) secret.Value {
	v, err := keychain.Get(service, account)
	switch {
	case errors.Is(err, keychain.ErrNotFound):
		d.fail(where, fmt.Sprintf("The keychain has no item %q of %q", account, service),
			"Store it there; on Linux:\n"+fmt.Sprintf("  secret-tool store --label=%q service %q username %q", "Standpipe "+account, service, account))
		return secret.Value{}
	case err != nil:
		d.fail(where, "The keychain cannot be read", fmt.Sprintf("It says: %s.\nUnlock it, or use file(…).", clean(err.Error())))
		return secret.Value{}
	}
	if v = strings.TrimSpace(v); !d.usable(where, v, "the keychain item") {
		return secret.Value{}
	}
	return secret.New(v)
}

// usable reports whether v can be a secret; where it cannot, it says so.
func (d *decoder) usable(where hcl.Range, v, what string) bool {
	if v == "" {
		d.fail(where, "The client secret is empty", what+" holds nothing. Leave client_secret out for a public client.")
		return false
	}
	for _, r := range v {
		if r < 0x20 || r == 0x7f {
			d.fail(where, "The client secret has more than one line or a control character", what+" must hold the secret and nothing else.")
			return false
		}
	}
	return true
}
