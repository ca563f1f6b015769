// SPDX-License-Identifier: Apache-2.0

package picture

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/standpipe/standpipe/app/internal/events"
	"github.com/standpipe/standpipe/app/internal/hub"
	"github.com/standpipe/standpipe/app/internal/store/memstore"
)

// drawn is a picture of a provider's, of w by h pixels.
func drawn(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 0x80, 0xff})
		}
	}
	return img
}

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, w, h int) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, drawn(w, h)) })
}

func jpegOf(t testing.TB, w, h int) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, drawn(w, h), nil) })
}

func gifOf(t testing.TB, w, h int) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return gif.Encode(b, drawn(w, h), nil) })
}

// webp is a picture of one red pixel, lossless.
const webp = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func TestRender(t *testing.T) {
	small, err := base64.StdEncoding.DecodeString(webp)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"png": pngOf(t, 460, 460), "wide png": pngOf(t, 400, 100), "one pixel": pngOf(t, 1, 1), "jpeg": jpegOf(t, 200, 300), "gif": gifOf(t, 64, 64), "webp": small,
		"as large as may be": encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, image.NewGray(image.Rect(0, 0, 2048, 2048))) }),
	} {
		out, err := render(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		img, err := png.Decode(bytes.NewReader(out))
		if err != nil || img.Bounds() != image.Rect(0, 0, side, side) || len(out) > 48<<10 {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
}

// TestRenderShowsTheMiddle: of a wide picture, and undistorted.
func TestRenderShowsTheMiddle(t *testing.T) {
	img := image.NewNRGBA(image.Rect(10, 20, 310, 120))
	for y := 20; y < 120; y++ {
		for x := 10; x < 310; x++ {
			c := color.NRGBA{0xff, 0, 0, 0xff}
			if x >= 110 && x < 210 {
				c = color.NRGBA{0, 0xff, 0, 0xff}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	out, err := render(encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, img) }))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []image.Point{{4, 4}, {48, 48}, {91, 91}} {
		if r, g, _, _ := got.At(p.X, p.Y).RGBA(); r > 0x1000 || g < 0xf000 {
			t.Errorf("at %v is %v", p, got.At(p.X, p.Y))
		}
	}
}

// noise is a picture that hardly compresses.
func noise(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	x := uint32(1)
	for i := range img.Pix {
		x = x*1664525 + 1013904223
		img.Pix[i] = byte(x >> 24)
	}
	return img
}

// TestRenderIsBounded: whatever the original, the result fits the store.
func TestRenderIsBounded(t *testing.T) {
	out, err := render(encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, noise(side, side)) }))
	if err != nil || len(out) > 64<<10 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// header is a PNG that says it is of w by h pixels and has none of them.
func header(w, h uint32) []byte {
	chunk := func(kind string, data []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
		out = append(append(out, kind...), data...)
		return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1})...), chunk("IEND", nil)...)
}

const script = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`

func TestRenderRefuses(t *testing.T) {
	scans := jpegOf(t, 8, 8)
	for range maxScans + 1 {
		scans = append(scans, 0xff, 0xda)
	}
	// As large as the limit of bytes allows: it says much, and compresses well.
	bomb := encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, image.NewGray(image.Rect(0, 0, 3000, 3000))) })
	if len(bomb) > maxBytes {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	for name, tt := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":            {nil, "no PNG"},
		"svg with script":    {[]byte(script), "no PNG"},
		"html":               {[]byte("<!doctype html><img src=x onerror=alert(1)>"), "no PNG"},
		"bomb":               {bomb, "3000 × 3000"},
		"endless":            {header(0x7fffffff, 0x7fffffff), ""},
		"just over":          {header(2049, 2048), "2049 × 2048"},
		"no pixels":          {header(0, 0), ""},
		"cut off":            {pngOf(t, 100, 100)[:200], "damaged"},
		"header only":        {header(100, 100), "damaged"},
		"jpeg of many scans": {scans, "too many scans"},
		"bmp":                {append([]byte("BM"), make([]byte, 200)...), "no PNG"},
	} {
		out, err := render(tt.raw)
		if err == nil || out != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %d bytes, %v, want %q", name, len(out), err, tt.want)
		}
	}
}

func FuzzRender(f *testing.F) {
	small, _ := base64.StdEncoding.DecodeString(webp)
	for _, raw := range [][]byte{pngOf(f, 3, 3), jpegOf(f, 9, 9), gifOf(f, 3, 3), small, header(10, 10)} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > maxBytes {
			t.Skip()
		}
		out, err := render(raw)
		if err != nil {
			return
		}
		if c, err := png.DecodeConfig(bytes.NewReader(out)); err != nil || c.Width != side || c.Height != side || len(out) > 64<<10 {
			t.Errorf("%d bytes of %+v, %v", len(out), c, err)
		}
	})
}

func TestPlace(t *testing.T) {
	for name, tt := range map[string]struct {
		url     string
		private bool
		ok      bool
	}{
		"picture host":          {url: "https://pictures.example.test/a.png?s=1", ok: true},
		"with its port":         {url: "https://pictures.example.test:443/a.png", ok: true},
		"in capitals":           {url: "https://Pictures.Example.Test/a.png", ok: true},
		"below":                 {url: "https://a.b.files.example.test/x", ok: true},
		"not below itself":      {url: "https://files.example.test/x"},
		"not beside":            {url: "https://evilfiles.example.test/x"},
		"the provider's own":    {url: "https://api.example.test/me.png", ok: true},
		"another host":          {url: "https://evil.example/a.png"},
		"another port":          {url: "https://pictures.example.test:8443/a.png"},
		"as a suffix":           {url: "https://pictures.example.test.evil.example/a.png"},
		"with a user":           {url: "https://pictures.example.test@evil.example/a.png"},
		"as a user":             {url: "https://evil.example@pictures.example.test/a.png"},
		"plain http":            {url: "http://pictures.example.test/a.png"},
		"http, private":         {url: "http://pictures.example.test/a.png", private: true},
		"http own, public":      {url: "http://sandbox.example.test:4790/a.png"},
		"http own, private":     {url: "http://sandbox.example.test:4790/a.png", private: true, ok: true},
		"http own, other port":  {url: "http://sandbox.example.test:4780/a.png", private: true},
		"data":                  {url: "data:image/png;base64,AAAA", private: true},
		"file":                  {url: "file:///etc/passwd", private: true},
		"file of a known host":  {url: "file://pictures.example.test/etc/passwd", private: true},
		"opaque":                {url: "https:pictures.example.test", private: true},
		"no host":               {url: "https:///a.png"},
		"relative":              {url: "/a.png"},
		"a trailing dot":        {url: "https://pictures.example.test./a.png"},
		"an address in decimal": {url: "https://2130706433/a.png"},
	} {
		at := place{
			hosts: []string{"pictures.example.test:443", "*.files.example.test:443"}, own: []string{"api.example.test:443", "sandbox.example.test:4790"}, private: tt.private,
		}
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if err := at.check(u); (err == nil) != tt.ok {
			t.Errorf("%s: %s: %v", name, tt.url, err)
		}
	}
}

// web is a TLS server that keeps pictures, and a fetcher that finds it, and
// nothing else, under the names of example.com, for which its certificate is.
type web struct {
	fetcher
	*httptest.Server
	mux    *http.ServeMux
	at     place
	dialed atomic.Int32
}

func newWeb(t *testing.T) *web {
	t.Helper()
	w := &web{mux: http.NewServeMux()}
	w.Server = httptest.NewTLSServer(w.mux)
	t.Cleanup(w.Close)
	w.at = place{hosts: []string{"example.com:443"}}
	dial := func(ctx context.Context, hostPort string, private bool) (net.Conn, error) {
		w.dialed.Add(1)
		if hostPort != "example.com:443" || private {
			return nil, fmt.Errorf("dialed %s, private %t", hostPort, private)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", w.Listener.Addr().String())
	}
	w.fetcher = fetcher{dial: dial, timeout: 20 * time.Second, roots: w.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	return w
}

func (w *web) serve(path string, h http.HandlerFunc) string {
	w.mux.HandleFunc(path, h)
	return "https://example.com" + path
}

func TestFetchTellsNothing(t *testing.T) {
	w := newWeb(t)
	var got []http.Header
	remember := func(rw http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		http.SetCookie(rw, &http.Cookie{Name: "who", Value: "mona"})
	}
	to := w.serve("/there.png", func(rw http.ResponseWriter, r *http.Request) {
		remember(rw, r)
		_, _ = rw.Write([]byte("bytes"))
	})
	from := w.serve("/here.png", func(rw http.ResponseWriter, r *http.Request) {
		remember(rw, r)
		http.Redirect(rw, r, to, http.StatusFound)
	})
	raw, err := w.fetch(t.Context(), &w.at, from)
	if err != nil || string(raw) != "bytes" || len(got) != 2 {
		t.Fatalf("%q, %v after %d requests", raw, err, len(got))
	}
	for _, h := range got {
		h.Del("Accept")
		h.Del("Connection")
		if len(h) != 1 || h.Get("User-Agent") != "standpipe" {
			t.Errorf("it was told %v", h)
		}
	}
}

// TestFetchRefuses: each of these leaves initials, and what must not be asked is
// not asked.
func TestFetchRefuses(t *testing.T) {
	w := newWeb(t)
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	redirect := func(path, to string) string {
		return w.serve(path, func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, to, http.StatusFound) })
	}
	ended := make(chan struct{})
	defer close(ended)
	for name, tt := range map[string]struct{ address, want string }{
		"no URL":            {"https://exa mple.com/", "no URL"},
		"http":              {"http://example.com/a.png", "not https"},
		"another host":      {"https://example.org/a.png", "not where"},
		"to another host":   {redirect("/other", "https://example.org/a.png"), "not where"},
		"to this machine":   {redirect("/loopback", other.URL), "not https"},
		"to an inner https": {redirect("/inner", "https://127.0.0.1:443/"), "not where"},
		"to http":           {redirect("/http", "http://example.com/a.png"), "not https"},
		"to a file":         {redirect("/file", "file:///etc/passwd"), "no plain https URL"},
		"round and round":   {redirect("/round", "https://example.com/round"), "redirected too often"},
		"not there":         {"https://example.com/nothing", "404"},
		"partial":           {w.serve("/partial", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusPartialContent) }), "206"},
		"said to be huge":   {w.serve("/huge", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(make([]byte, maxBytes+1)) }), "larger than 256 KiB"},
		"endless":           {w.serve("/endless", flood), "larger than 256 KiB"},
		"headers without end": {w.serve("/headers", func(rw http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				rw.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		}), ""},
		"slow to answer": {w.serve("/slow", func(http.ResponseWriter, *http.Request) { <-ended }), "deadline"},
		"slow to go on": {w.serve("/slower", func(rw http.ResponseWriter, _ *http.Request) {
			rw.(http.Flusher).Flush()
			<-ended
		}), "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			w.timeout = time.Minute
			if tt.want == "deadline" {
				w.timeout = 300 * time.Millisecond
			}
			raw, err := w.fetch(t.Context(), &w.at, tt.address)
			if err == nil || raw != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), tt.address) {
				t.Errorf("%d bytes, %v, want %q", len(raw), err, tt.want)
			}
		})
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect to this machine was followed")
	}
}

func flood(rw http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := rw.Write(make([]byte, 64<<10)); err != nil {
			return
		}
	}
}

// TestFetchVerifiesTheCertificate: a host is who it says it is.
func TestFetchVerifiesTheCertificate(t *testing.T) {
	w := newWeb(t)
	address := w.serve("/a.png", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("x")) })
	w.roots = nil
	if raw, err := w.fetch(t.Context(), &w.at, address); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%q, %v", raw, err)
	}
}

// house is a Keeper with a store.
type house struct {
	*Keeper
	conns *hub.Connections
	seen  <-chan hub.Event
}

func newHouse(t *testing.T, w *web) *house {
	t.Helper()
	bus := events.New()
	h := &house{conns: hub.NewConnections(memstore.New()), seen: bus.Subscribe(t.Context())}
	h.Keeper = New(Config{Connections: h.conns, Publisher: bus, Dial: w.dial, Logger: slog.New(slog.DiscardHandler)})
	h.fetcher.roots = w.roots
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// connect stores a connection and returns it as a flow has it.
func (h *house) connect(t *testing.T, id, provider, address string) *hub.Connection {
	t.Helper()
	conn := &hub.Connection{
		ID: id, Owner: hub.Me, Integration: provider, Provider: provider, State: hub.StateConnected,
		Account: hub.Account{Issuer: "i", Subject: id, PictureURL: address},
	}
	if err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return tx.PutConnection(conn) }); err != nil {
		t.Fatal(err)
	}
	return conn
}

func resolved() *hub.Resolved {
	return &hub.Resolved{Descriptor: &hub.Descriptor{PictureHosts: []string{"example.com:443"}}}
}

// idle waits until nothing is being fetched any more.
func (h *house) idle(t *testing.T) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		h.mu.Lock()
		n := len(h.waiting)
		h.mu.Unlock()
		if n == 0 {
			return
		}
	}
	t.Fatal("fetching does not end")
}

func TestKeeper(t *testing.T) {
	w := newWeb(t)
	good := w.serve("/good.png", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(pngOf(t, 200, 200)) })
	bad := w.serve("/bad.svg", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "image/png") // which nobody believes
		_, _ = rw.Write([]byte(script))
	})
	h := newHouse(t, w)

	h.Fetch(h.connect(t, "good", "p", good), resolved())
	select {
	case e := <-h.seen:
		if e.Type != hub.EventPicture || e.Connection != "good" || e.Slug != "p" {
			t.Errorf("event %+v", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("no picture came")
	}
	kept, err := h.conns.Picture(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := png.DecodeConfig(bytes.NewReader(kept)); err != nil || c.Width != side {
		t.Errorf("%+v, %v", c, err)
	}

	before := w.dialed.Load()
	h.Fetch(h.connect(t, "none", "p", ""), resolved())
	theirs := h.connect(t, "theirs", "p", good)
	theirs.Owner = hub.Owner{User: "u1"}
	h.Fetch(theirs, resolved())
	h.idle(t)
	if n := w.dialed.Load(); n != before {
		t.Errorf("%d pictures were fetched that nobody looks at", n-before)
	}
	h.Fetch(h.connect(t, "bad", "p", bad), resolved())
	h.idle(t)
	if _, err := h.conns.Picture(t.Context(), "bad"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("an svg was kept: %v", err)
	}
}

// TestKeeperIsLate: a picture that comes when the connection is gone, or belongs
// to another account, is not stored.
func TestKeeperIsLate(t *testing.T) {
	w := newWeb(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := w.serve("/slow.png", func(rw http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = rw.Write(pngOf(t, 10, 10))
	})
	h := newHouse(t, w)
	for name, change := range map[string]func(*hub.ConnectionsTx, *hub.Connection) error{
		"gone": func(tx *hub.ConnectionsTx, c *hub.Connection) error { return tx.DeleteConnection(c.ID) },
		"another": func(tx *hub.ConnectionsTx, c *hub.Connection) error {
			c.Account.Subject = "x"
			return tx.PutConnection(c)
		},
	} {
		conn := h.connect(t, name, "p", slow)
		h.Fetch(conn, resolved())
		<-asked
		changed := *conn
		if err := h.conns.Update(t.Context(), func(tx *hub.ConnectionsTx) error { return change(tx, &changed) }); err != nil {
			t.Fatal(err)
		}
		answer <- struct{}{}
		h.idle(t)
		if _, err := h.conns.Picture(t.Context(), name); !errors.Is(err, hub.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneAtATime of a provider; others do not wait, and there is an end to it.
func TestOneAtATime(t *testing.T) {
	w := newWeb(t)
	asked, answer := make(chan string), make(chan struct{})
	slow := w.serve("/slow.png", func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("of")
		<-answer
	})
	h := newHouse(t, w)
	for i := range maxWaiting + 10 {
		h.Fetch(h.connect(t, fmt.Sprint("a", i), "a", slow+"?of=a"), resolved())
	}
	h.Fetch(h.connect(t, "b", "b", slow+"?of=b"), resolved())
	if got := []string{<-asked, <-asked}; got[0] == got[1] {
		t.Errorf("asked for two of %s at once", got[0])
	}
	h.mu.Lock()
	n := len(h.waiting["a"])
	h.mu.Unlock()
	if n > maxWaiting {
		t.Errorf("%d wait", n)
	}
	// Closing gives the rest up.
	closed := make(chan struct{})
	go func() { defer close(closed); _ = h.Close() }()
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
	close(answer)
	h.Fetch(h.connect(t, "late", "a", slow+"?of=a"), resolved())
	select {
	case <-asked:
		t.Error("it fetches after its end")
	default:
	}
}
