// SPDX-License-Identifier: Apache-2.0

//go:build !faults

package faults

import "time"

// Point does nothing in this build.
func Point(string) {}

// Now is the wall clock.
func Now() time.Time { return time.Now() }
