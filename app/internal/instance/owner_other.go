// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package instance

import "io/fs"

// Where files have no uid and no mode bits, the access list of the user's
// profile folder is what keeps others out.

func ownedByUs(fs.FileInfo) bool { return true }

func readableByOthers(fs.FileInfo) bool { return false }

func writableByOthers(fs.FileInfo) bool { return false }

func ownerName(fs.FileInfo) string { return "somebody else" }
