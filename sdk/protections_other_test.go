// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package sdk_test

import "github.com/standpipe/standpipe/sdk"

func protections() []sdk.Problem { return nil }
