// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"context"
	"net/http"
)

func transport(context.Context) *http.Transport {
	return http.DefaultTransport.(*http.Transport).Clone()
}
