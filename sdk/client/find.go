// SPDX-License-Identifier: Apache-2.0

package client

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/standpipe/standpipe/sdk/secret"
)

// discoveryName is the file in which a hub says where it is.
const discoveryName = "hub.json"

// patience bounds a request, apart from what it asks to wait.
const patience = 60 * time.Second

const maxAnswer = 1 << 20

// discovery is what stands in the file.
type discovery struct {
	AppAPI    string `json:"app_api"`
	ServerKey []byte `json:"server_key"`
}

// Hub is a hub that has proven itself, over one connection. What is sent goes
// over that connection or not at all, so that nobody else can take its place.
type Hub struct {
	base      string
	transport *http.Transport
}

// Find finds the hub of a data folder (empty: $STANDPIPE_DATA, or the usual
// one) and has it prove itself. Close it after use.
func Find(ctx context.Context, data string) (*Hub, error) {
	path, err := discoveryFile(data)
	if err != nil {
		return nil, err
	}
	d, err := readDiscovery(path)
	if err != nil {
		return nil, err
	}
	address := strings.TrimPrefix(d.AppAPI, "http://")
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("standpipe: the hub does not serve programs of this machine: %q", d.AppAPI)
	}
	h := &Hub{base: d.AppAPI, transport: oneConnection()}
	if err := h.challenge(ctx, d.ServerKey, address); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close ends the connection.
func (h *Hub) Close() { h.transport.CloseIdleConnections() }

// errSecond is the end of a connection that had proven itself.
var errSecond = errors.New("the hub closed the connection")

// oneConnection dials once.
func oneConnection() *http.Transport {
	dialled := false
	var d net.Dialer
	return &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dialled {
				return nil, errSecond
			}
			dialled = true
			return d.DialContext(ctx, network, address)
		},
	}
}

// challenge asks for the proof that only who can read the discovery file can
// give, for this address.
func (h *Hub) challenge(ctx context.Context, serverKey []byte, address string) error {
	nonce := make([]byte, 32)
	_, _ = rand.Read(nonce) // never fails, as documented
	var out struct{ Proof string }
	err := h.post(ctx, "/hello", secret.Value{}, nil, map[string]string{"nonce": base64.RawURLEncoding.EncodeToString(nonce)}, &out)
	if _, refused := errors.AsType[*Error](err); refused {
		return fmt.Errorf("%w: %w", ErrStranger, err)
	}
	if err != nil {
		if _, answered := errors.AsType[*net.OpError](err); answered {
			return fmt.Errorf("%w: %w", ErrNoHub, err)
		}
		return fmt.Errorf("%w: %w", ErrStranger, err)
	}
	m := hmac.New(sha256.New, serverKey)
	m.Write([]byte("standpipe hello v1\x00" + address + "\x00"))
	m.Write(nonce)
	proof, err := base64.RawURLEncoding.DecodeString(out.Proof)
	if err != nil || !hmac.Equal(proof, m.Sum(nil)) {
		return ErrStranger
	}
	return nil
}

// post sends a JSON body and reads the answer. A refusal is an *Error.
func (h *Hub) post(ctx context.Context, path string, key secret.Value, header http.Header, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+path, bytes.NewReader(b))
	if err != nil {
		return err
	}
	for name, v := range header {
		req.Header[name] = v
	}
	req.Header.Set("Content-Type", "application/json")
	if !key.IsZero() {
		req.Header.Set("Authorization", "Bearer "+key.Reveal())
	}
	resp, err := h.transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return fmt.Errorf("standpipe: ask the hub: %w", err)
	}
	defer resp.Body.Close()
	b, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("standpipe: read the hub's answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return refusal(resp, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("standpipe: the hub's answer is no JSON: %w", err)
	}
	return nil
}

func refusal(resp *http.Response, b []byte) error {
	var body struct {
		Code       Code
		Message    string
		Remedy     string
		Reason     string
		ApprovalID string `json:"approval_id"`
		Choices    []Choice
	}
	if json.Unmarshal(b, &body) != nil || body.Code == "" {
		return &Error{Status: resp.StatusCode, Message: "the hub answered " + resp.Status}
	}
	e := &Error{
		Code: body.Code, Status: resp.StatusCode, Message: body.Message, Remedy: body.Remedy, Reason: body.Reason,
		Approval: body.ApprovalID, Choices: body.Choices,
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

// discoveryFile is where the hub of a data folder announces itself: in the
// session's runtime folder, in the data folder, or in the temporary folder.
func discoveryFile(data string) (string, error) {
	data, err := dataFolder(data)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(data))
	id := hex.EncodeToString(sum[:])[:16]
	candidates := []string{filepath.Join(data, "run"), filepath.Join(os.TempDir(), fmt.Sprintf("standpipe-%d-%s", os.Getuid(), id))}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		candidates = append([]string{filepath.Join(dir, "standpipe", id)}, candidates...)
	}
	for _, dir := range candidates {
		path := filepath.Join(dir, discoveryName)
		if _, err := os.Lstat(path); err == nil {
			return path, nil
		}
	}
	return "", ErrNoHub
}

func dataFolder(data string) (string, error) {
	if data == "" {
		data = os.Getenv("STANDPIPE_DATA")
	}
	if data == "" {
		base := os.Getenv("XDG_DATA_HOME")
		if !filepath.IsAbs(base) {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("standpipe: the home folder is not known: %w", err)
			}
			base = filepath.Join(home, ".local", "share")
		}
		data = filepath.Join(base, "standpipe")
	}
	data, err := filepath.Abs(data)
	if err != nil {
		return "", err
	}
	// Two spellings of one folder lead to one hub.
	if parent, err := filepath.EvalSymlinks(filepath.Dir(data)); err == nil {
		data = filepath.Join(parent, filepath.Base(data))
	}
	return data, nil
}

// readDiscovery reads the file if nobody else can have written it.
func readDiscovery(path string) (d discovery, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, ErrNoHub
	}
	if err != nil {
		return d, fmt.Errorf("standpipe: %w", err)
	}
	if !info.Mode().IsRegular() || !private(info) {
		return d, fmt.Errorf("standpipe: %s is not a private file of this user (mode %04o), and not believed", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("standpipe: %w", err)
	}
	if err := json.Unmarshal(b, &d); err != nil || d.AppAPI == "" || len(d.ServerKey) != 32 {
		return d, fmt.Errorf("standpipe: %s names no hub that serves programs", path)
	}
	return d, nil
}
