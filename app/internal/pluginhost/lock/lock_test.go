// SPDX-License-Identifier: Apache-2.0

package lock_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/app/internal/pluginhost/lock"
)

var hash = strings.Repeat("0a", 32)

// TestWriteAndRead: what is written is read, and is its owner's alone.
func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", lock.Name)
	none, err := lock.Read(path)
	if err != nil || len(none.Plugins) != 0 {
		t.Fatalf("a file that is not there: %+v, %v", none, err)
	}
	f := &lock.File{Plugins: map[string]lock.Plugin{"acme": {
		Version: "1.0.0", Source: "https://releases.example/acme_1.0.0_linux_amd64.tar.gz?a=1&b=2", Key: "RWQ",
		Platforms: map[string]lock.Artefact{lock.Platform(): {Archive: "acme", ArchiveHash: hash, Executable: hash}, "plan9_mips": {ArchiveHash: hash}},
		Hosts:     []string{"id.example:443"}, Capabilities: []string{"acme: refresh"},
	}}}
	if err := f.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := lock.Read(path)
	if err != nil || !reflect.DeepEqual(got, f) {
		t.Errorf("read %+v, %v", got, err)
	}
	if got.Plugins["acme"].Executable() != hash {
		t.Errorf("for this platform: %+v", got.Plugins["acme"])
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestParseRefuses: a file that cannot be understood allows nothing.
func TestParseRefuses(t *testing.T) {
	entry := func(name, body string) string { return `{"format":1,"plugins":{"` + name + `":{` + body + `}}}` }
	for text, says := range map[string]string{
		``:                                       "cannot be read",
		`{"format":2}`:                           "has format 2",
		`{"format":1,"trust":"all"}`:             "unknown field",
		entry("../acme", ``):                     "names a plugin",
		entry("Acme", ``):                        "names a plugin",
		entry("acme", `"allow":true`):            "unknown field",
		entry("acme", `"platforms":{"../x":{}}`): "names a platform",
		entry("acme", `"platforms":{"linux_amd64":{"executable":"0a"}}`):                             "has a hash of acme that is none",
		entry("acme", `"platforms":{"linux_amd64":{"archive_hash":"`+strings.Repeat("zz", 32)+`"}}`): "has a hash of acme that is none",
		`{"format":1,"plugins":{}} {"format":1,"plugins":{}}`:                                        "more than one",
		strings.Repeat(" ", 2<<20) + `{"format":1}`:                                                  "is larger than",
	} {
		if f, err := lock.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.80q: %+v, %v; want %q", text, f, err, says)
		}
	}
}
