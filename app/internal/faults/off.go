// SPDX-License-Identifier: Apache-2.0

//go:build !faults

package faults

// Point does nothing in this build.
func Point(string) {}
