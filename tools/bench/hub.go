// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// house is a data folder with what a hub needs around it.
type house struct {
	b   *bench
	dir string
	env []string
}

// house makes keys and a configuration with the integrations "openid", at a
// provider that nobody asks, and "slow", at the given one.
func (b *bench) house(name, slow string) (*house, error) {
	h := &house{b: b, dir: filepath.Join(b.work, name)}
	if err := os.MkdirAll(filepath.Join(h.dir, "run"), 0o700); err != nil {
		return nil, err
	}
	h.use(filepath.Join(h.dir, "data"))
	config := ""
	for integration, issuer := range map[string]string{"openid": "http://127.0.0.1:9", "slow": slow} {
		if issuer == "" {
			continue
		}
		config += fmt.Sprintf("integration %q {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  network = \"private\"\n  config = { issuer = %q }\n}\n", integration, issuer)
	}
	for name, content := range map[string]string{"standpipe.hcl": config, "secret": "bench"} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// use sets the data folder, and makes its keys if it has none.
func (h *house) use(data string) {
	h.env = []string{
		"HOME=" + h.dir, "PATH=" + os.Getenv("PATH"), "XDG_RUNTIME_DIR=" + filepath.Join(h.dir, "run"),
		"STANDPIPE_DATA=" + data, "STANDPIPE_CONFIG=" + filepath.Join(h.dir, "standpipe.hcl"),
	}
}

// data is the data folder.
func (h *house) data() string {
	for _, e := range h.env {
		if d, ok := strings.CutPrefix(e, "STANDPIPE_DATA="); ok {
			return d
		}
	}
	return ""
}

// fill makes the keys, unless they are there, and puts connections into the
// store.
func (h *house) fill(n int, args ...string) error {
	if _, err := os.Stat(filepath.Join(h.data(), "vault.json")); err != nil {
		if err := os.MkdirAll(filepath.Dir(h.data()), 0o700); err != nil {
			return err
		}
		if _, err := h.cli("keys", "init", "--key", "file:"+h.data()+".key"); err != nil {
			return err
		}
	}
	_, err := h.run(h.b.fill, append(append([]string{"-n", strconv.Itoa(n)}, args...), h.data())...)
	return err
}

func (h *house) cli(args ...string) ([]byte, error) {
	return h.run(filepath.Join(h.b.bin, "standpipe"), args...)
}

func (h *house) run(program string, args ...string) ([]byte, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = h.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w\n%s", filepath.Base(program), args, err, stderr.String())
	}
	return out, nil
}

// addApp makes a key that draws for every user.
func (h *house) addApp() (string, error) {
	out, err := h.cli("apps", "add", "bench", "--server", "--json")
	if err != nil {
		return "", err
	}
	var v struct{ Key string }
	return v.Key, json.Unmarshal(out, &v)
}

// process is a server that was started.
type process struct {
	cmd   *exec.Cmd
	url   string
	ready time.Duration // from exec to the first answer
}

// serve starts a hub.
func (h *house) serve() (*process, error) {
	return start(h.env, filepath.Join(h.b.bin, "standpipe"), "/health", func(listen string) []string {
		return []string{"serve", "--listen", listen, "--ui-listen", "127.0.0.1:0"}
	})
}

// startBaseline starts the server that the hub is compared with.
func (b *bench) startBaseline(answer, key string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(nil, self, "/health", func(listen string) []string { return []string{"baseline", listen, answer, key} })
}

func start(env []string, program, path string, args func(listen string) []string) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(program, args(listen)...), url: "http://" + listen}
	p.cmd.Env = env
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	p.cmd.Stderr = &stderr
	begin := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for client := (&http.Client{Timeout: time.Second}); time.Since(begin) < time.Minute; time.Sleep(200 * time.Microsecond) {
		resp, err := client.Get(p.url + path)
		if err != nil {
			continue
		}
		resp.Body.Close()
		p.ready = time.Since(begin)
		return p, nil
	}
	return nil, errors.Join(fmt.Errorf("%s did not become ready:\n%s", program, stderr.String()), p.stop())
}

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = p.cmd.Wait() // however it ends
	return nil
}

// memory reads a figure of /proc/PID/status, in KiB: VmRSS, RssAnon.
func (p *process) memory(field string) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.Atoi(strings.Fields(v)[0])
		}
	}
	return 0, fmt.Errorf("no %s", field)
}

// cpu is the processor time that it used so far. The kernel's own accounts, where
// it keeps them, are finer than the ticks of 10 ms, which miss a process that
// wakes for less.
func (p *process) cpu() (time.Duration, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(tasks) == 0 {
		return p.ticks()
	}
	var sum time.Duration
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // a thread that ended just now
		}
		if err != nil {
			return 0, err
		}
		ran, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(ns)
	}
	return sum, nil
}

func (p *process) ticks() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2) // USER_HZ is 100
}
