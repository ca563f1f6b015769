// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// ghPatience bounds the wait for gh, whose keyring may ask the user.
const ghPatience = time.Minute

// ghHosts is where gh keeps its accounts, by the rules of gh itself
// (https://cli.github.com/manual/gh_help_environment, GH_CONFIG_DIR).
func ghHosts() string {
	dir := os.Getenv("GH_CONFIG_DIR")
	if dir == "" {
		if base := os.Getenv("XDG_CONFIG_HOME"); base != "" {
			dir = filepath.Join(base, "gh")
		} else if home, err := os.UserHomeDir(); err == nil {
			dir = filepath.Join(home, ".config", "gh")
		}
	}
	return filepath.Join(dir, "hosts.yml")
}

// ghToken asks gh for a token that it keeps in a keyring.
func ghToken(ctx context.Context, host, user string) (string, error) {
	path, err := exec.LookPath("gh")
	if err != nil {
		return "", hub.Errorf(hub.CodeInvalid, "its token is in the keyring of gh, and gh is not installed here")
	}
	ctx, cancel := context.WithTimeout(ctx, ghPatience)
	defer cancel()
	args := []string{"auth", "token", "--hostname", host}
	if user != "" {
		args = append(args, "--user", user)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	// A token of the environment would be answered in place of the user's.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"}, name)
	})
	out, err := cmd.Output()
	token := strings.TrimSpace(string(out))
	if err != nil || token == "" {
		return "", hub.Errorf(hub.CodeInvalid, "gh does not give its token").WithRemedy("See: gh auth status --hostname %s", host)
	}
	return token, nil
}
