// SPDX-License-Identifier: Apache-2.0

package pluginhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
)

// maxHandshake bounds the line with which a plugin begins, in bytes. The real
// one has about 900, most of them a certificate.
const maxHandshake = 8 << 10

// pluginRunner is how go-plugin starts our processes and hears of them. It
// keeps go-plugin away from everything on which a plugin could make it stumble:
// it never gets the process's pipes, only the first line of its output.
type pluginRunner struct {
	spawn     *spawner
	path      string
	name      string // what a list of processes shows
	env       []string
	socketDir string // where the plugin's socket must be
	marker    string // an environment entry that only this plugin has
	out       *output
	cmd       *exec.Cmd // once started
	holds     holds     // what it was started with

	pid    atomic.Int64 // 0: not started
	killed atomic.Bool  // before it ended by itself
	first  *firstLine
	spoken atomic.Int64  // protocol version of the handshake, plus one; 0: not known
	done   chan struct{} // closed when the process is reaped and its group killed
	silent chan struct{} // closed when what it printed was read as well, soon after done
	pumps  sync.WaitGroup
	err    error // of the process; valid after done
	alone  bool  // it ended by itself; valid after done
}

var _ runner.Runner = (*pluginRunner)(nil)

// newRunner prepares the start of path under the name that a list of processes
// shows.
func newRunner(spawn *spawner, path, name string, env []string, out *output) *pluginRunner {
	return &pluginRunner{
		spawn: spawn, path: path, name: name, env: env, out: out,
		first: &firstLine{ready: make(chan struct{}), end: make(chan struct{})},
		done:  make(chan struct{}), silent: make(chan struct{}),
	}
}

// prepare takes over what go-plugin decides: its entries of the environment,
// and the folder for the socket.
func (r *pluginRunner) prepare(env []string, socketDir string) {
	r.env = append(slices.Clone(env), r.env...)
	r.socketDir = socketDir
	r.marker = goplugin.EnvUnixSocketDir + "=" + socketDir
}

// Start implements runner.Runner.
func (r *pluginRunner) Start(context.Context) error {
	var stdout, stderr *os.File
	var err error
	r.spawn.do(func() <-chan struct{} {
		if stdout, stderr, err = r.start(); err != nil {
			return nil
		}
		return r.done
	})
	if err != nil {
		close(r.done)
		r.first.close()
		return fmt.Errorf("it cannot be executed: %w", err)
	}
	r.pumps.Go(func() { r.pumpStdout(stdout) })
	r.pumps.Go(func() { _, _ = io.Copy(r.out.throttled(r.done), stderr) })
	go r.wait(stdout, stderr)
	if r.killed.Load() { // while it was being started
		killTree(r.processID(), r.marker)
		return errors.New("it was stopped while it was being started")
	}
	return nil
}

// checkPeer refuses connections that are not this process's.
func (r *pluginRunner) checkPeer(c net.Conn) error { return checkPeer(c, r.processID()) }

// endedAlone reports whether the process ran, and ended without being killed.
func (r *pluginRunner) endedAlone() bool {
	select {
	case <-r.done:
		return r.alone
	default:
		return false
	}
}

func (r *pluginRunner) processID() int { return int(r.pid.Load()) }

func (r *pluginRunner) start() (stdout, stderr *os.File, err error) {
	stdout, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer outW.Close()
	stderr, errW, err := os.Pipe()
	if err != nil {
		stdout.Close()
		return nil, nil, err
	}
	defer errW.Close()
	r.cmd, r.holds, err = r.spawn.start(r.out.log, r.path, func() *exec.Cmd {
		cmd := exec.Command(r.path)
		cmd.Args = []string{r.name}
		cmd.Env, cmd.Dir = r.env, r.socketDir
		cmd.Stdin = nil // the null device, never the terminal
		cmd.Stdout, cmd.Stderr = outW, errW
		return cmd
	})
	if err != nil {
		stdout.Close()
		stderr.Close()
		return nil, nil, err
	}
	r.pid.Store(int64(r.cmd.Process.Pid))
	return stdout, stderr, nil
}

// wait reaps the process and leaves nothing of it.
func (r *pluginRunner) wait(stdout, stderr *os.File) {
	defer close(r.silent)
	pid := r.processID()
	if awaitExit(pid) {
		r.alone = !r.killed.Load()
		killTree(pid, r.marker)
		r.err = r.cmd.Wait()
	} else {
		r.err = r.cmd.Wait()
		r.alone = !r.killed.Load()
		if runtime.GOOS != "windows" { // there the number may be another's by now
			killTree(pid, r.marker)
		}
	}
	close(r.done)
	// What was printed last is read; what a process that escaped us still
	// holds open is not waited for.
	drained := make(chan struct{})
	go func() { r.pumps.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(500 * time.Millisecond):
	}
	stdout.Close()
	stderr.Close()
	<-drained
	r.out.flush()
	r.first.close()
}

// pumpStdout hands go-plugin the first line and the log the rest.
func (r *pluginRunner) pumpStdout(stdout io.Reader) {
	var head []byte
	buf := make([]byte, 4<<10)
	for len(head) <= maxHandshake {
		n, err := stdout.Read(buf)
		head = append(head, buf[:n]...)
		if i := bytes.IndexByte(head, '\n'); i >= 0 && i <= maxHandshake {
			r.hear(head[:i+1])
			r.first.set(head[:i+1])
			rest := r.out.throttled(r.done)
			_, _ = rest.Write(head[i+1:])
			_, _ = io.Copy(rest, stdout)
			return
		}
		if err != nil {
			// It has most likely ended. That is what will be said then.
			select {
			case <-r.done:
			case <-time.After(500 * time.Millisecond):
			}
			break
		}
	}
	// No handshake. go-plugin gives up at once, and the process is killed.
	r.first.close()
	_, _ = io.Copy(r.out.throttled(r.done), stdout)
}

// hear notes the version of the protocol that a handshake chooses.
func (r *pluginRunner) hear(line []byte) {
	part := bytes.SplitN(line, []byte{'|'}, 3)
	if len(part) < 3 {
		return
	}
	if v, err := strconv.ParseUint(string(part[1]), 10, 31); err == nil {
		r.spoken.Store(int64(v) + 1)
	}
}

// unserved says that the plugin speaks a version that is not served, and who of
// the two is behind.
func (r *pluginRunner) unserved(serves []int) error {
	v := int(r.spoken.Load()) - 1
	switch {
	case v < 0 || slices.Contains(serves, v):
		return nil
	case v > slices.Max(serves):
		return fmt.Errorf("it speaks version %d of the plugin protocol, which is newer than what this Standpipe serves (%s); update Standpipe, or install an older release of it", v, numbers(serves))
	}
	return fmt.Errorf("it speaks version %d of the plugin protocol, which this Standpipe does not serve any more (it serves %s); install a newer release of it", v, numbers(serves))
}

// numbers words a list of versions.
func numbers(all []int) string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = strconv.Itoa(v)
	}
	return strings.Join(words, " and ")
}

// Wait implements runner.AttachedRunner.
func (r *pluginRunner) Wait(context.Context) error { <-r.done; return r.err }

// Kill implements runner.AttachedRunner. It returns when the process is gone.
func (r *pluginRunner) Kill(context.Context) error {
	select {
	case <-r.done:
		return nil
	default:
	}
	r.killed.Store(true)
	if pid := r.processID(); pid != 0 {
		killTree(pid, r.marker)
		<-r.done
	}
	return nil
}

// Stdout implements runner.Runner.
func (r *pluginRunner) Stdout() io.ReadCloser { return r.first }

// Stderr implements runner.Runner. It is empty: we read it ourselves.
func (r *pluginRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (r *pluginRunner) Name() string { return r.name }

// ID implements runner.AttachedRunner. It is never empty, since go-plugin
// cleans up only after what has an id.
func (r *pluginRunner) ID() string { return strconv.Itoa(r.processID()) }

// Diagnose implements runner.Runner.
func (r *pluginRunner) Diagnose(context.Context) string { return "" }

// PluginToHost implements runner.AddrTranslator. It is where the address that a
// plugin names is checked: it must be a socket in the folder it was given.
func (r *pluginRunner) PluginToHost(network, address string) (string, string, error) {
	if runtime.GOOS == "windows" {
		if host, _, ok := strings.Cut(address, ":"); network == "tcp" && ok && host == "127.0.0.1" {
			return network, address, nil
		}
		return "", "", fmt.Errorf("it listens on %q, which is not a loopback address", clean(address, 100))
	}
	if network != "unix" || filepath.Clean(address) != address || filepath.Dir(address) != r.socketDir {
		return "", "", fmt.Errorf("it listens on %q, which is not a socket in the folder it was given", clean(network+" "+address, 150))
	}
	info, err := os.Lstat(address)
	if err != nil {
		return "", "", errors.New("it names a socket that does not exist")
	}
	if info.Mode().Type() != os.ModeSocket || !ownedByUs(info) {
		return "", "", errors.New("it names a file that is not a socket of its own")
	}
	return network, address, nil
}

// HostToPlugin implements runner.AddrTranslator.
func (r *pluginRunner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// firstLine is a reader of one line, which ends when the process has.
type firstLine struct {
	ready, end chan struct{}
	readyOnce  sync.Once
	endOnce    sync.Once
	line       bytes.Reader
}

func (f *firstLine) set(line []byte) {
	f.readyOnce.Do(func() {
		f.line.Reset(line)
		close(f.ready)
	})
}

func (f *firstLine) close() { f.endOnce.Do(func() { close(f.end) }) }

func (f *firstLine) Read(p []byte) (int, error) {
	select {
	case <-f.ready:
		if f.line.Len() > 0 {
			return f.line.Read(p)
		}
	case <-f.end:
		return 0, io.EOF
	}
	<-f.end
	return 0, io.EOF
}

func (f *firstLine) Close() error { return nil }
