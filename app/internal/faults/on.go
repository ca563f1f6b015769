// SPDX-License-Identifier: Apache-2.0

//go:build faults

package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// Env is the variable that chooses a point.
const Env = "STANDPIPE_FAULT"

var (
	name string
	left atomic.Int64 // visits until the fault
)

func init() {
	spec := os.Getenv(Env)
	if spec == "" {
		return
	}
	parts := strings.Split(spec, ":")
	count := 1
	ok := (len(parts) == 2 || len(parts) == 3) && parts[0] != "" && parts[1] == "kill"
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		ok = ok && err == nil && n > 0
		count = n
	}
	if !ok {
		// A misspelt fault would make its test pass for no reason.
		fmt.Fprintf(os.Stderr, "%s=%q is not NAME:kill or NAME:kill:COUNT\n", Env, spec)
		os.Exit(2)
	}
	name = parts[0]
	left.Store(int64(count))
}

// Point dies here if it was asked to.
func Point(p string) {
	if p != name || name == "" || left.Add(-1) != 0 {
		return
	}
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until the kill arrives
}
