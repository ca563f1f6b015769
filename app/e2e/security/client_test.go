// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/standpipe/standpipe/sdk/client"
	"github.com/standpipe/standpipe/sdk/secret"
)

// checkClientKeepsItsKey points the Go client at a stranger on the hub's port,
// with the discovery file that the hub left.
func checkClientKeepsItsKey(t *testing.T, addr string, got <-chan string) {
	t.Helper()
	data := t.TempDir()
	run := filepath.Join(data, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf(`{"app_api":"http://%s","server_key":%q}`, addr, base64.StdEncoding.EncodeToString(make([]byte, 32)))
	if err := os.WriteFile(filepath.Join(run, "hub.json"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c := client.New(client.Config{Integration: "openid", Data: data, Key: secret.New("sp_app_canary")})
	if _, err := c.Token(t.Context()); !errors.Is(err, client.ErrStranger) {
		t.Errorf("the client says %v", err)
	}
	asked := false
	for {
		select {
		case request := <-got:
			asked = asked || strings.Contains(request, "/hello")
			if strings.Contains(request, "Authorization") || strings.Contains(request, "canary") {
				t.Errorf("the stranger got %s", request)
			}
			continue
		default:
		}
		break
	}
	if !asked {
		t.Error("the stranger was not asked for a proof")
	}
}
