// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package badgerstore

import "io/fs"

var errReadOnly = fs.ErrPermission

func restrictNewFiles() {}

func checkSpace(string) error { return nil }
