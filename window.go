// SPDX-License-Identifier: Apache-2.0

//go:build desktop

package main

import _ "github.com/standpipe/standpipe/app/desktop" // registers the window
