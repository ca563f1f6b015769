// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package desktop

import "errors"

func newNotifier(func(route string)) (notifier, error) {
	return nil, errors.New("notifications are not built for this system")
}
