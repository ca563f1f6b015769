// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// Names inside the folders.
const (
	lockName      = "hub.lock"
	socketName    = "hub.sock"
	discoveryName = "hub.json"
)

// maxSocketPath is what sun_path holds, less the closing zero: 107 bytes on
// Linux, 103 on macOS.
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Paths says where a hub keeps what. All are absolute. Get one from Resolve.
type Paths struct {
	Config string // the configuration file; it may be absent
	Data   string // the data folder: one hub per data folder
	Run    string // the folder of socket and discovery file; of this data folder alone
	// InventoryKey is the key of the data folder's inventory, in the user's state
	// folder: apart from what it opens. Empty where there is no such folder.
	InventoryKey string
}

// Lock is the file whose lock makes a process the hub of the data folder. It
// is never removed: removing a lock file lets two processes hold it.
func (p Paths) Lock() string { return filepath.Join(p.Data, lockName) }

// Socket is the Unix socket of the hub.
func (p Paths) Socket() string { return filepath.Join(p.Run, socketName) }

// Discovery is the file in which a running hub says where it is.
func (p Paths) Discovery() string { return filepath.Join(p.Run, discoveryName) }

// Resolve finds the paths; nothing is created. config and data are what was
// said on the command line; empty, the variables STANDPIPE_CONFIG and
// STANDPIPE_DATA count, then the XDG Base Directory rules.
func Resolve(config, data string) (Paths, error) {
	var p Paths
	var err error
	if p.Config, err = choose(config, "STANDPIPE_CONFIG", configHome, "standpipe", "standpipe.hcl"); err != nil {
		return Paths{}, err
	}
	if p.Data, err = choose(data, "STANDPIPE_DATA", dataHome, "standpipe"); err != nil {
		return Paths{}, err
	}
	// Two spellings of one folder must lead to one socket. The last element is
	// left as it is, so that a symbolic link there is seen, and refused.
	if parent, err := filepath.EvalSymlinks(filepath.Dir(p.Data)); err == nil {
		p.Data = filepath.Join(parent, filepath.Base(p.Data))
	}
	if state, err := stateHome(); err == nil {
		p.InventoryKey = filepath.Join(state, "standpipe", "inventory-"+folderID(p.Data)+".key")
	}
	p.Run, err = runFolder(p.Data)
	return p, err
}

// choose returns the first that is set: said, the variable env, base joined
// with elem.
func choose(said, env string, base func() (string, error), elem ...string) (string, error) {
	for _, s := range []string{said, os.Getenv(env)} {
		if s == "" {
			continue
		}
		abs, err := filepath.Abs(s)
		if err != nil {
			return "", fmt.Errorf("resolve %s: %w", s, err)
		}
		return abs, nil
	}
	dir, err := base()
	if err != nil {
		return "", hub.Errorf(hub.CodeStorage, "the home folder is not known: %w", err).
			WithRemedy("Set HOME; or name both the configuration file and the data folder, with STANDPIPE_CONFIG and STANDPIPE_DATA.")
	}
	return filepath.Join(append([]string{dir}, elem...)...), nil
}

func configHome() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserConfigDir()
	}
	return xdg("XDG_CONFIG_HOME", ".config")
}

func dataHome() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserCacheDir() // %LocalAppData%, which does not roam
	}
	return xdg("XDG_DATA_HOME", ".local/share")
}

func stateHome() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserConfigDir() // as the data folder is in the other one
	}
	return xdg("XDG_STATE_HOME", ".local/state")
}

// xdg returns the folder of a variable of the XDG Base Directory
// Specification, which has relative paths ignored.
func xdg(env, fallback string) (string, error) {
	if dir := os.Getenv(env); filepath.IsAbs(dir) {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, fallback), nil
}

// folderID tells data folders apart, in names outside of them.
func folderID(data string) string {
	sum := sha256.Sum256([]byte(data))
	return hex.EncodeToString(sum[:])[:16]
}

// runFolder picks the folder of the socket: in the session's runtime folder,
// else in the data folder, else, where that path is too long for a socket, a
// folder of this user's in the temporary folder. The name holds a hash of the
// data folder, so that two data folders do not meet.
func runFolder(data string) (string, error) {
	id := folderID(data)

	var candidates []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		ok, err := usableRuntimeDir(dir)
		if err != nil {
			return "", err
		}
		if ok {
			candidates = append(candidates, filepath.Join(dir, "standpipe", id))
		}
	}
	candidates = append(candidates,
		filepath.Join(data, "run"),
		filepath.Join(os.TempDir(), fmt.Sprintf("standpipe-%d-%s", os.Getuid(), id)),
	)
	for _, dir := range candidates {
		if len(filepath.Join(dir, socketName)) <= maxSocketPath {
			return dir, nil
		}
	}
	return "", hub.Errorf(hub.CodeStorage, "no path for the hub's socket is short enough: %s has more than the %d bytes that the system allows",
		filepath.Join(candidates[len(candidates)-1], socketName), maxSocketPath).
		WithRemedy("Set XDG_RUNTIME_DIR or TMPDIR to a folder with a shorter path.")
}

// usableRuntimeDir says whether XDG_RUNTIME_DIR is this user's. After su it is
// often the one of another user, who keeps it private: that one is passed over.
// One that others can write is refused, as it means that something is wrong.
func usableRuntimeDir(dir string) (bool, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return false, nil //nolint:nilerr // not there, or not for us: pass over
	}
	if writableByOthers(info) {
		return false, hub.Errorf(hub.CodeStorage, "the runtime folder %s has mode %04o: other users can write it", dir, info.Mode().Perm()).
			WithRemedy("Correct it (chmod 700 %s), or unset XDG_RUNTIME_DIR.", dir)
	}
	return ownedByUs(info), nil
}
