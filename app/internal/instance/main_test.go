// SPDX-License-Identifier: Apache-2.0

package instance_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/standpipe/standpipe/app/internal/instance"
)

// The test binary is also the other process of the tests.
func TestMain(m *testing.M) {
	switch os.Getenv("INSTANCE_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "hold":
		hold()
	case "knock":
		knock(os.Getenv("INSTANCE_TEST_SOCKET"))
	}
}

// hold is a hub until it is killed.
func hold() {
	p, err := instance.Resolve("", "")
	if err == nil {
		var in *instance.Instance
		if in, err = instance.Acquire(p); err == nil {
			if _, err = in.Listen(); err == nil {
				err = in.Announce(instance.Discovery{Version: "child"})
			}
		}
	}
	fmt.Println("result:", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// knock sends a request to the socket and prints the answer.
func knock(path string) {
	c, err := net.Dial("unix", path)
	if err != nil {
		fmt.Println("dial:", err)
		return
	}
	_, _ = io.WriteString(c, "GET /local/hello HTTP/1.1\r\nHost: standpipe\r\nConnection: close\r\n\r\n")
	_, _ = io.Copy(os.Stdout, c)
}
