// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package badgerstore

import "io/fs"

var errReadOnly = fs.ErrPermission

func restrictNewFiles() {}

func onDisk(info fs.FileInfo) int64 { return info.Size() }

func checkSpace(string) error { return nil }
