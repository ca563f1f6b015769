// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package pluginhost

// confine knows no way here to close the user's files to a plugin.
func confine(string, string, []string) error { return errOnlyLinux }

// closeSockets knows no way either.
func closeSockets() error { return errOnlyLinux }
