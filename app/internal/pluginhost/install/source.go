// SPDX-License-Identifier: Apache-2.0

package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/pluginhost"
)

// source is the folder of a release.
type source interface {
	// read returns a file of at most limit bytes; fs.ErrNotExist: there is none.
	read(file string, limit int64) ([]byte, error)
	remote() bool
}

// open splits where into the folder and the file in it.
func open(ctx context.Context, where string) (source, string, error) {
	u, err := url.Parse(where)
	if err != nil || u.Host == "" {
		abs, err := filepath.Abs(where)
		if err != nil {
			return nil, "", err
		}
		return folder(filepath.Dir(abs)), filepath.Base(abs), nil
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, "", invalid("%s is not an https address", where)
	}
	file := path.Base(u.Path)
	u.Path = path.Dir(u.Path)
	return &site{ctx: ctx, base: u, client: newClient()}, file, nil
}

// loopback names this machine, to which a release may go in clear.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// folder is on this machine.
type folder string

func (folder) remote() bool { return false }

func (f folder) read(file string, limit int64) ([]byte, error) {
	// Who may write the folder decides what is installed from it.
	if err := pluginhost.CheckTrusted(string(f)); err != nil {
		return nil, refused("%w", err)
	}
	at := filepath.Join(string(f), file)
	if err := pluginhost.CheckTrusted(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, refused("%w", err)
	}
	r, err := os.Open(at)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return bounded(r, file, limit)
}

// site is at a URL.
type site struct {
	ctx    context.Context
	base   *url.URL
	client *http.Client
}

func (*site) remote() bool { return true }

// newClient follows redirects, but never out of TLS.
func newClient() *http.Client {
	return &http.Client{
		Timeout: 10 * time.Minute,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 5 {
				return errors.New("too many redirects")
			}
			if req.URL.Scheme != "https" && !loopback(req.URL.Hostname()) {
				return errors.New("a redirect leads out of https")
			}
			return nil
		},
	}
}

func (s *site) read(file string, limit int64) ([]byte, error) {
	u := *s.base
	u.Path = path.Join("/", u.Path, file)
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, hub.Errorf(hub.CodeProviderUnavailable, "%s cannot be fetched: %w", u.String(), err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return bounded(resp.Body, file, limit)
	case http.StatusNotFound, http.StatusGone:
		return nil, fmt.Errorf("%s: %w", u.String(), fs.ErrNotExist)
	}
	return nil, hub.Errorf(hub.CodeProviderUnavailable, "%s answers with %s", u.String(), resp.Status)
}

func bounded(r io.Reader, file string, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = refused("%s is larger than %d bytes", file, limit)
	}
	return b, err
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// isArchive tells an archive by its name.
func isArchive(file string) bool {
	return strings.HasSuffix(file, ".tar.gz") || strings.HasSuffix(file, ".zip")
}
