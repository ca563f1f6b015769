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
	name   string
	panics bool
	left   atomic.Int64 // visits until the fault
)

func init() {
	spec := os.Getenv(Env)
	if spec == "" {
		return
	}
	parts := strings.Split(spec, ":")
	count := 1
	ok := (len(parts) == 2 || len(parts) == 3) && parts[0] != "" && (parts[1] == "kill" || parts[1] == "panic")
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		ok = ok && err == nil && n > 0
		count = n
	}
	if !ok {
		// A misspelt fault would make its test pass for no reason.
		fmt.Fprintf(os.Stderr, "%s=%q is not NAME:kill or NAME:panic, or the same with :COUNT\n", Env, spec)
		os.Exit(2)
	}
	name, panics = parts[0], parts[1] == "panic"
	left.Store(int64(count))
}

// Point dies here, or panics, if it was asked to.
func Point(p string) {
	if p != name || name == "" || left.Add(-1) != 0 {
		return
	}
	if panics {
		panic("the fault " + p)
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
