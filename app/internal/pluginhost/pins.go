// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

// The files that pin what may run: plugins.sum comes with the program, for the
// bundled plugins beside it; plugins.lock, in the data folder, is written by the
// user's own `plugin install` (package lock). The first has the format of
// sha256sum, a line per file:
//
//	<64 hex digits>  standpipe-provider-github
//
// Empty lines and lines that begin with # are skipped. A "*" before the name
// (sha256sum's binary mode) is skipped too.
const (
	SumFile  = "plugins.sum"
	LockFile = lock.Name
)

// pin is what allows one executable to run.
type pin struct {
	hash   digest
	locked *lock.Plugin // of installed ones
}

// digest is a SHA-256.
type digest [sha256.Size]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// maxPinFile bounds a pin file in bytes.
const maxPinFile = 1 << 20

// readPins reads what pins the plugin folder dir: its plugins.sum, or the
// plugins.lock beside it (in the data folder). Without any there are no pins,
// and nothing in dir may run. It also returns the path of the file, for
// messages.
func readPins(dir string) (map[string]pin, string, error) {
	sums := filepath.Join(dir, SumFile)
	if pins, err := readPinFile(sums); !errors.Is(err, fs.ErrNotExist) {
		return pins, sums, err
	}
	beside := filepath.Join(filepath.Dir(dir), LockFile)
	pins, err := readLock(beside)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return pins, beside, err
}

// readLock reads the lock file of installed plugins.
func readLock(path string) (map[string]pin, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPinFile+1))
	if err != nil {
		return nil, err
	}
	file, err := lock.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	pins := map[string]pin{}
	for name, p := range file.Plugins {
		raw, err := hex.DecodeString(p.Executable())
		if err != nil || len(raw) != sha256.Size {
			continue // nothing of it for this platform
		}
		pins[Prefix+name+exeSuffix] = pin{hash: digest(raw), locked: &p}
	}
	return pins, nil
}

func readPinFile(path string) (map[string]pin, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	pins, err := parsePins(io.LimitReader(f, maxPinFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pins, nil
}

// parsePins reads the lines of a pin file. A line that cannot be understood,
// or a second one for the same name, makes the whole file invalid: what it
// meant to allow cannot be told.
func parsePins(r io.Reader) (map[string]pin, error) {
	pins := map[string]pin{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		sum, name, _ := strings.Cut(line, " ")
		name = strings.TrimPrefix(strings.TrimLeft(name, " "), "*")
		raw, err := hex.DecodeString(sum)
		if err != nil || len(raw) != sha256.Size || name == "" {
			return nil, fmt.Errorf("line %d is not \"<sha256>  <file name>\"", n)
		}
		if _, twice := pins[name]; twice {
			return nil, fmt.Errorf("line %d pins %q a second time", n, clean(name, 100))
		}
		pins[name] = pin{hash: digest(raw)}
	}
	return pins, lines.Err()
}

// openRegular opens a regular file of a trusted owner that nobody else may
// write. It follows no symbolic link in the last element of path.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkTrusted(path, info)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
