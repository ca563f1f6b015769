// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/wire"
)

// startPatience bounds what a plugin takes from its start to its first line.
const startPatience = 20 * time.Second

// rawEnv is what a host gives a plugin, and nothing more.
func rawEnv(dir string, clientCert []byte) []string {
	return []string{
		wire.Handshake.MagicCookieKey + "=" + wire.Handshake.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=" + strconv.Itoa(wire.ProtocolVersion),
		"PLUGIN_UNIX_SOCKET_DIR=" + dir, "PLUGIN_CLIENT_CERT=" + string(clientCert),
		"PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
	}
}

// checkHandshake reads the first line of an executable without go-plugin in
// between, and sees who may connect to it.
func checkHandshake(t *T, _ *Config, path string) {
	dir := socketDir(t)
	cert := selfSigned(t)
	cmd := exec.Command(path)
	cmd.Env, cmd.Dir = rawEnv(dir, cert), dir
	cmd.WaitDelay = time.Second // what it started may hold its output open
	var errs output
	cmd.Stderr = &errs
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("it cannot be started: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := firstLine(stdout)
	if err != nil {
		t.Fatalf("it prints no handshake on stdout: %v\n%s", err, errs.String())
	}
	part := strings.Split(strings.TrimSpace(line), "|")
	if len(part) < 6 {
		t.Fatalf("the handshake %q does not have six parts: core protocol, protocol, network, address, grpc, certificate", cut(line))
	}
	if part[0] != "1" || part[4] != "grpc" {
		t.Errorf("the handshake %q is not of core protocol 1 with grpc", cut(line))
	}
	if part[1] != strconv.Itoa(wire.ProtocolVersion) {
		t.Errorf("the handshake chooses protocol %q; this host offered %d", part[1], wire.ProtocolVersion)
	}
	if runtime.GOOS != "windows" && (part[2] != "unix" || filepath.Dir(part[3]) != dir) {
		t.Fatalf("it listens on %s %q, not on a socket in PLUGIN_UNIX_SOCKET_DIR", part[2], part[3])
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(part[5], "="))
	if err == nil {
		_, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Errorf("the handshake has no certificate: the plugin must serve with mutual TLS when PLUGIN_CLIENT_CERT is set (%v)", err)
	}
	conn, err := net.Dial(part[2], part[3])
	if err != nil {
		t.Fatalf("nobody listens where the handshake says: %v", err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	stranger := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) // a stranger trusts anybody
	if _, err = stranger.Read(make([]byte, 1)); err == nil {
		t.Error("it serves a client without the host's certificate: any process of the machine could call it")
	}
}

// checkOrphan starts an executable by way of a shell and kills the shell.
func checkOrphan(t *T, _ *Config, path string) {
	if runtime.GOOS == "windows" {
		t.Skip("not checked on Windows")
	}
	dir := socketDir(t)
	shell := exec.Command("/bin/sh", "-c", `"$0" & echo $! >&2; read -r nothing`, path)
	shell.Env, shell.Dir = rawEnv(dir, selfSigned(t)), dir
	stdin, err1 := shell.StdinPipe()
	stdout, outW, err2 := os.Pipe()
	stderr, errW, err3 := os.Pipe()
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	shell.Stdout, shell.Stderr = outW, errW
	err := shell.Start()
	_, _ = outW.Close(), errW.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	pid := 0
	if line, err := firstLine(stderr); err == nil {
		pid, _ = strconv.Atoi(strings.TrimSpace(line))
	}
	t.Cleanup(func() {
		if p, err := os.FindProcess(pid); err == nil && pid > 0 {
			_ = p.Kill()
		}
		_, _ = stdout.Close(), stderr.Close()
	})
	if _, err = firstLine(stdout); err != nil {
		_ = shell.Process.Kill()
		_ = shell.Wait()
		t.Fatalf("it does not begin: %v", err)
	}
	_ = shell.Process.Kill()
	_ = shell.Wait()
	gone := make(chan struct{})
	go func() { defer close(gone); _, _ = io.Copy(io.Discard, stdout) }() // ends with the last holder of stdout
	select {
	case <-gone:
	case <-time.After(3 * patience):
		t.Error("it goes on when its host was killed: it must end within seconds, holding secrets for nobody")
	}
}

// firstLine reads a line of at most 8 KiB, in time.
func firstLine(r io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReaderSize(io.LimitReader(r, 8<<10), 8<<10).ReadString('\n')
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-time.After(startPatience):
		return "", os.ErrDeadlineExceeded
	}
}

func cut(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.TrimSpace(s)
}

// selfSigned is a certificate for the host's end of mutual TLS, in PEM.
func selfSigned(t *T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
