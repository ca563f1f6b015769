// SPDX-License-Identifier: Apache-2.0

package pluginhost

import "io/fs"

const noFollow = 0

// On Windows the data folder's access list, inherited from the user's profile,
// keeps others out; modes say nothing there.
func checkTrusted(string, fs.FileInfo) error { return nil }

func ownedByUs(fs.FileInfo) bool { return true }
