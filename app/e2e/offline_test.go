// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/standpipe/standpipe/app/e2e/rig"
	"github.com/standpipe/standpipe/sdk/oauthtest"
)

// TestOffline runs in a network namespace of its own: a machine that loses its
// network and gets it back. That is nobody's failure, and the page says it so.
func TestOffline(t *testing.T) {
	t.Parallel()
	if !rig.Apart(t, syscall.CLONE_NEWNET) {
		return
	}
	loopback(t)
	network(t, true)
	h := rig.NewHome(t)
	listen := fmt.Sprintf("127.0.0.1:%d", rig.FreePort(t))
	provider := publicProvider(t, h, "http://"+listen+"/callback/openid/public")
	h.Write("secret", "bench")
	const integration = "integration %q {\n  provider = \"openid\"\n  client_id = \"bench\"\n  client_secret = file(\"secret\")\n  config = { issuer = %q }\n}\n"
	h.Configure(fmt.Sprintf(integration+integration, "openid", "https://issuer.example", "public", provider.URL))
	h.Fill(buildFill(t, h), "-owner", "me", "-left", "-1m")
	hub := h.Serve("--listen", listen)
	c := connectAt(t, h, provider, "public", "ada")
	page := h.Chromium()
	page.Goto(hub.UILink)
	page.See(id("state-"+c.ID), "Connected")
	page.Gone(id("machine-offline"))

	// It goes away: nobody's name is found, and nobody's address is reached.
	network(t, false)
	const never = "data_installation_openid-0"
	for _, slug := range []string{"openid", "public"} {
		if r := h.Try("token", slug, "--renew"); r.Exit == 0 {
			t.Fatalf("a token of %s came from nowhere: %s", slug, r.Stdout)
		}
	}
	for _, c := range []string{never, c.ID} {
		page.See(id("state-"+c), "Connected")
		page.See(id("health-"+c), "offline")
	}
	page.See(id("machine-offline"), "")
	inspect(t, page, "machine-offline")
	if r := h.Try("token", "public"); r.Exit != 0 {
		t.Errorf("the token that still works: %s", r.Stderr)
	}

	// It comes back, and all by itself the account is as it was.
	network(t, true)
	rig.EventuallyFor(t, 2*time.Minute, "the account is well again", func() bool {
		var told string
		page.Run("return document.querySelector(arguments[0])?.textContent.trim() ?? ''", &told, id("state-"+c.ID))
		return told == "Connected"
	})
	page.Gone(id("health-" + c.ID))
	// The other one's name is found by nobody: that is the provider's trouble now.
	h.Try("token", "openid", "--renew")
	page.Gone(id("machine-offline"))
	page.See(id("state-"+never), "Connected")

	// What it did stands in the timelines; being offline was nobody's failure.
	page.Hash("#/connections/" + c.ID)
	page.See(id("detail-timeline"), "renewed the token")
	page.Hash("#/connections/" + never)
	page.See(id("detail-timeline"), "could not renew the token")
	var failures int
	if page.Run("return document.querySelectorAll(arguments[0]).length", &failures, id("own-moment")); failures != 1 {
		t.Errorf("%d failures are told, want that of the provider only", failures)
	}
}

// publicAddress is where the provider of the test is, on the internet as far as
// the hub can tell.
const publicAddress = "9.9.9.9"

// network gives this machine a way to the internet, at whose end it is itself, or
// takes it away.
func network(t *testing.T, on bool) {
	t.Helper()
	do := "add"
	if !on {
		do = "del"
	}
	for _, args := range [][]string{{"addr", do, publicAddress + "/32", "dev", "lo"}, {"route", do, "default", "dev", "lo"}} {
		if out, err := exec.Command(rig.Program(t, "ip"), args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v\n%s", args, err, out)
		}
	}
}

// publicProvider is an authorization server on the internet, whose certificate
// the home trusts.
func publicProvider(t *testing.T, h *rig.Home, redirect string) *oauthtest.Server {
	t.Helper()
	listener, err := net.Listen("tcp", publicAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := oauthtest.New(oauthtest.Options{
		URL:     "https://" + listener.Addr().String(),
		Clients: []oauthtest.Client{{ID: "bench", Secret: "bench", RedirectURIs: []string{redirect}}},
		Users:   []oauthtest.User{{Subject: "1", Login: "ada", Email: "ada@example.test"}},
		Rules:   oauthtest.Rules{Lives: oauthtest.Lives{Access: time.Hour}, Rotate: true, ReuseRevokes: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	cert := certificate(t, h, net.ParseIP(publicAddress))
	server := &http.Server{Handler: srv, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	server.SetKeepAlivesEnabled(false) // each request finds the network as it is
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	return srv
}

// certificate makes a certificate for an address that the home trusts.
func certificate(t *testing.T, h *rig.Home, address net.IP) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a provider"}, IPAddresses: []net.IP{address},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	h.Env = append(h.Env, "SSL_CERT_FILE="+h.Write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// connectAt connects an account of a server of oauthtest, which needs no browser.
func connectAt(t *testing.T, h *rig.Home, srv *oauthtest.Server, slug, login string) connection {
	t.Helper()
	p := h.Start("connect", slug, "--no-browser", "--json")
	var f flow
	p.Line(decodeURL(&f))
	callback, err := srv.Approve(f.AuthorizationURL, login)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(callback)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	var c connection
	p.Line(func(line json.RawMessage) bool {
		return json.Unmarshal(line, &c) == nil && strings.HasPrefix(c.ID, "data_installation_")
	})
	return c
}

// loopback brings the loopback interface up, which in a new namespace is down.
func loopback(t *testing.T) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatal(err)
	}
}
