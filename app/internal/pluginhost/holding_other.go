// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package pluginhost

import "errors"

var errOnlyLinux = errors.New("only Linux has a way for it")

func landlockVersion() (int, error) { return 0, errOnlyLinux }

func tryIsolation() error { return errOnlyLinux }
