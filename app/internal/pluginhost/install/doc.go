// SPDX-License-Identifier: Apache-2.0

// Package install brings plugins of third parties into the data folder: it
// fetches a release, holds it against its sums and its signature, starts the
// program once to hear what it is, and writes the lock file when its owner has
// agreed. What is not exactly what was agreed to does not run.
//
// A release is a folder, at a path or a URL, with
//
//	NAME_VERSION_OS_ARCH.tar.gz          with standpipe-provider-NAME in it (or .zip)
//	NAME_VERSION_SHA256SUMS              of the archives of all platforms
//	NAME_VERSION_SHA256SUMS.minisig      optional: its minisign signature
//	minisign.pub                         the key, which the first install pins
//
// One executable by itself can be installed too: from a path, by its hash.
package install
