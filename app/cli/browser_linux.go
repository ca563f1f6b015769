// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// openBrowser starts the user's browser as a program of its own: in its own
// process group, so that Ctrl-C does not end it, with nothing of ours open, and
// with the user's umask. Nobody waits for it: where no browser ran before,
// xdg-open stays until the browser is closed.
//
// Without a screen xdg-open begins all the same, and finds none or one that takes
// the terminal: then the address is for the person to open elsewhere.
func openBrowser(url string) error {
	if !hasScreen() && os.Getenv("BROWSER") == "" {
		return errors.New("there is no screen to show a browser on")
	}
	path, err := exec.LookPath("xdg-open")
	if err != nil {
		return err
	}
	closeOnExec()
	cmd := exec.Command("/bin/sh", "-c", `umask "$1"; exec "$2" "$3"`, "sh", fmt.Sprintf("%04o", userUmask), path, url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}
