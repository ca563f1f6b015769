// SPDX-License-Identifier: Apache-2.0

//go:build !unix || darwin

package keychain

// present: macOS and Windows always have one.
func present() error { return nil }
