// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
)

// pair is a connection to a listener of this process.
func pair(t *testing.T, network, addr string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Skipf("no %s here: %v", network, err)
	}
	defer l.Close()
	client, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// TestBothWays: sock_diag and /proc/net/tcp tell the same of the same socket.
func TestBothWays(t *testing.T) {
	for network, addr := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		client, server := pair(t, network, addr)
		own, other := addrOf(client.LocalAddr()), addrOf(server.LocalAddr())
		for name, ask := range map[string]func(own, other netip.AddrPort) (owner, error){"sock_diag": diagnose, "/proc": searchProc} {
			o, err := ask(own, other)
			if err != nil || o.uid != os.Geteuid() || o.inode == 0 {
				t.Errorf("%s by %s: %+v, %v", network, name, o, err)
				continue
			}
			exe, _ := os.Executable()
			if p := processOf(o); p.PID != os.Getpid() || p.Exe != exe || p.UID != os.Geteuid() {
				t.Errorf("%s by %s: the process is %+v", network, name, p)
			}
			if o, err := ask(netip.AddrPortFrom(own.Addr(), 1), other); err == nil {
				t.Errorf("%s by %s: a socket that is not there is %+v", network, name, o)
			}
		}
	}
}

// TestManyConnections: of a program that opens connections by the hundred each
// is known, although it is looked through a few times only; and a number that the
// kernel gave to another socket since is not taken for the one that had it.
func TestManyConnections(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var servers []net.Conn
	for range 200 {
		client, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		servers = append(servers, server)
	}
	for i, c := range servers {
		if p := hub.PeerOf(ConnContext(t.Context(), c)); p.PID != os.Getpid() {
			t.Fatalf("connection %d is of %+v", i, p)
		}
	}
	o, err := lookUp(addrOf(servers[0].RemoteAddr()), addrOf(servers[0].LocalAddr()))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := places{pid: os.Getpid(), at: map[uint64]int{o.inode: 0}}
	if p, ok := elsewhere.process(o); ok {
		t.Errorf("a place that is another's by now is of %+v", p)
	}
	if p, ok := seen.process(owner{uid: o.uid + 1, inode: o.inode}); ok {
		t.Errorf("another user's socket is of %+v", p)
	}
}

// TestMapped: a program that speaks IPv4 through an IPv6 socket is found too.
func TestMapped(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Skip("no IPv6 here")
	}
	defer syscall.Close(fd)
	to := &syscall.SockaddrInet6{Port: l.Addr().(*net.TCPAddr).Port}
	copy(to.Addr[:], net.IPv4(127, 0, 0, 1).To16())
	if err := syscall.Connect(fd, to); err != nil {
		t.Skipf("no mapped addresses here: %v", err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if o, err := lookUp(addrOf(server.RemoteAddr()), addrOf(server.LocalAddr())); err != nil || o.uid != os.Geteuid() {
		t.Errorf("got %+v, %v", o, err)
	}
}

// TestClosed: of a socket without a program the kernel says that it is root's.
// It is not believed.
func TestClosed(t *testing.T) {
	client, server := pair(t, "tcp4", "127.0.0.1:0")
	client.Close()
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	if o, err := lookUp(addrOf(server.RemoteAddr()), addrOf(server.LocalAddr())); err == nil {
		t.Errorf("a closed socket is of %+v", o)
	}
	ctx := ConnContext(t.Context(), server)
	if err := SameUser(ctx); hub.AsError(err) == nil || hub.AsError(err).Code != hub.CodeForbidden {
		t.Errorf("a closed socket is let in: %v", err)
	}
	if p := hub.PeerOf(ctx); p.Known() {
		t.Errorf("a closed socket has the program %+v", p)
	}
}

// TestSameUser: this user's programs and root's are let in, another user's are
// not, over a real server.
func TestSameUser(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := SameUser(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, hub.PeerOf(r.Context()).Exe)
	}))
	s.Config.ConnContext = ConnContext
	s.Start()
	defer s.Close()
	curl := func(uid uint32) string {
		cmd := exec.CommandContext(t.Context(), "curl", "-sS", "--max-time", "10", s.URL)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
			cmd.Dir = "/"
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("curl: %v: %s", err, out)
		}
		return string(out)
	}
	if got := curl(uint32(os.Geteuid())); !strings.HasSuffix(got, "/curl") {
		t.Errorf("this user's curl is told %q", got)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	if got := curl(65533); !strings.Contains(got, "another user") {
		t.Errorf("another user's curl is told %q", got)
	}
}

func TestUnknownConnection(t *testing.T) {
	if err := SameUser(context.Background()); err == nil {
		t.Error("a request from nowhere is let in")
	}
}

func BenchmarkLookUp(b *testing.B) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.DialTimeout("tcp4", l.Addr().String(), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	own, other := addrOf(client.LocalAddr()), addrOf(l.Addr())
	for b.Loop() {
		if _, err := diagnose(own, other); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNamed: a process that lets nobody look into it, as Standpipe's own command
// does, is known by what it calls itself, which can neither break the line nor pass
// for its executable.
func TestNamed(t *testing.T) {
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"odd\n\u202ename": `odd\n\u202ename`, "longer-than-fifteen-bytes": "longer-than-fifteen-bytes"} {
		program := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(program, sleep, 0o500); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Start returns while the kernel still lays out the arguments.
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", cmd.Process.Pid)); len(line) > 0 {
				break
			}
		}
		if got := nameOf(cmd.Process.Pid); got != want {
			t.Errorf("%q calls itself %q", name, got)
		}
		if p := Process(os.Geteuid(), cmd.Process.Pid); p.Exe == "" || p.Name != "" {
			t.Errorf("where the executable is told, the name is too: %+v", p)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if p := Process(os.Geteuid(), 1<<22+1); p.Exe != "" || p.Name != "" {
		t.Errorf("of no process it is told %+v", p)
	}
}

// TestExecutableIsText: a program's file can have any name; the path that a
// question shows can neither break the line nor turn the text around.
func TestExecutableIsText(t *testing.T) {
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "sleep")
	if err := os.WriteFile(program, sleep, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"plain é (1)":          "plain é (1)",
		"vs\u202eedoc":         `vs\u202eedoc`,
		"code\n(verified)":     `code\n(verified)`,
		"a\x1b[31m\u200b\xff!": `a\x1b[31m\u200b\xff!`,
	} {
		path := filepath.Join(dir, name)
		if err := os.Link(program, path); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if got := executable(cmd.Process.Pid); got != filepath.Join(dir, want) {
			t.Errorf("%q is shown as %q", path, got)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
