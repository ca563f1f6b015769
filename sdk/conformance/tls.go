// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/standpipe/standpipe/sdk"
)

// authority signs certificates for the hosts of a provider, so that a plugin
// whose addresses are fixed can be answered in the provider's place. An
// executable trusts it by SSL_CERT_FILE, which a host passes on too.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

var newAuthority = sync.OnceValues(func() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "standpipe conformance"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{key: key, cert: cert, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
})

// certificate is one for a host name, and for those hosts that have none, since who
// calls an address does not say which (RFC 6066 section 3).
func (a *authority) certificate(name string, addresses []net.IP) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: addresses,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if name != "" {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, nil
}

// addresses are those of hosts (host:port) that have no name.
func addresses(hosts []string) []net.IP {
	var out []net.IP
	for _, h := range hosts {
		if host, _, err := net.SplitHostPort(h); err == nil {
			if ip := net.ParseIP(host); ip != nil {
				out = append(out, ip)
			}
		}
	}
	return out
}

// trustFile writes the authority's certificate for a plugin to trust.
func trustFile(t *T) string {
	t.Helper()
	a, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(socketDir(t), "ca.pem")
	if err := os.WriteFile(path, a.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stand makes the gate answer for the hosts of a descriptor as well: with TLS,
// but for those of plain, which are to be called without.
func (g *gate) stand(t *T, d *sdk.Descriptor, plain []string) {
	t.Helper()
	a, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	numbered := addresses(d.AllowedHosts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{
		Handler: g, ReadHeaderTimeout: 10 * time.Second, ErrorLog: discard(),
		TLSConfig: &tls.Config{
			NextProtos: []string{"http/1.1"},
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				return a.certificate(hello.ServerName, numbered)
			},
		},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.ServeTLS(l, "", "") }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range d.AllowedHosts {
		if g.hosts[h] = l.Addr().String(); slices.Contains(plain, h) {
			g.hosts[h] = g.host()
		}
	}
}

// watch forgets the requests so far; what is seen from here on is returned by
// the function.
func (g *gate) watch() func() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = ""
	return func() string {
		g.mu.Lock()
		defer g.mu.Unlock()
		return string(bytes.Clone([]byte(g.last)))
	}
}
