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
	"slices"
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
		"PLUGIN_PROTOCOL_VERSIONS=" + offered(),
		"PLUGIN_UNIX_SOCKET_DIR=" + dir, "PLUGIN_CLIENT_CERT=" + string(clientCert),
		"PLUGIN_MIN_PORT=10000", "PLUGIN_MAX_PORT=25000",
	}
}

// offered are the versions of the protocol that a host serves.
func offered() string {
	var all []string
	for _, v := range wire.Served(wire.ProtocolVersion) {
		all = append(all, strconv.Itoa(v))
	}
	return strings.Join(all, ",")
}

// checkHandshake reads the first line of an executable without go-plugin in
// between, and sees who may connect to it.
func checkHandshake(t *T, cfg *Config, path string) {
	dir := socketDir(t)
	cmd := &exec.Cmd{Path: path, Args: []string{path}, Env: rawEnv(dir, selfSigned(t)), Dir: dir}
	p := newPipes(t, cmd)
	process, err := startProcess(t, cfg, cmd)
	p.started()
	if err != nil {
		t.Fatalf("it cannot be started: %v", err)
	}
	var errs output
	go func() { _, _ = io.Copy(&errs, p.stderr) }()
	defer func() { left(t, process.Others()) }()
	line, err := firstLine(p.stdout)
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
	if offered := strings.Split(offered(), ","); !slices.Contains(offered, part[1]) {
		t.Errorf("the handshake chooses protocol %q; this host offered %s: choose the newest of PLUGIN_PROTOCOL_VERSIONS that you know", part[1], strings.Join(offered, " and "))
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

// orphanage starts the executable $0 by way of a second shell, which kills
// itself when it reads a line. The first one stays, so that whatever holds it
// holds on. Both let go of the output, so that its end is the executable's.
const orphanage = `exec 3>&1 4<&0 >/dev/null
/bin/sh -c '"$0" >&3 3>&- 4<&- & exec 3>&-; read -r now; kill -9 $$' "$0" <&4 &
exec 3>&-; wait; read -r end <&4`

// checkOrphan kills what started an executable.
func checkOrphan(t *T, cfg *Config, path string) {
	if runtime.GOOS == "windows" {
		t.Skip("not checked on Windows")
	}
	dir := socketDir(t)
	stdin, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", orphanage, path}, Env: rawEnv(dir, selfSigned(t)), Dir: dir, Stdin: stdin}
	p := newPipes(t, cmd)
	_, err = startProcess(t, cfg, cmd)
	p.started()
	_ = stdin.Close()
	defer func() { _ = tell.Close() }()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, p.stderr) }()
	if _, err = firstLine(p.stdout); err != nil {
		t.Fatalf("it does not begin: %v", err)
	}
	if _, err = tell.WriteString("now\n"); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { defer close(gone); _, _ = io.Copy(io.Discard, p.stdout) }() // ends with the last holder of stdout
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
