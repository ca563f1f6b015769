// SPDX-License-Identifier: Apache-2.0

//go:build faults

package faults

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// ClockEnv is the variable that names the file with the error of the clock.
const ClockEnv = "STANDPIPE_FAULT_CLOCK"

var clockFile = os.Getenv(ClockEnv)

// Now is the wall clock, as wrong as the file says. A file that is not there, or
// empty, says that it is right.
func Now() time.Time {
	now := time.Now()
	if clockFile == "" {
		return now
	}
	text, _ := os.ReadFile(clockFile)
	if len(text) == 0 {
		return now
	}
	by, err := time.ParseDuration(strings.TrimSpace(string(text)))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", clockFile, err)
		os.Exit(2)
	}
	return now.Add(by)
}
