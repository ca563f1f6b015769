// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"context"
	"io"
	"net/http"

	"github.com/standpipe/standpipe/app/internal/api/contract"
)

// Connections lists the connections of all owners.
func (c *Client) Connections(ctx context.Context) (out contract.Connections, err error) {
	return out, c.call(ctx, http.MethodGet, "/local/connections", nil, &out)
}

// Resume uses connections here again whose tokens may have been in use
// elsewhere, and returns them.
func (c *Client) Resume(ctx context.Context, in contract.Resume) (out contract.Connections, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/connections/resume", in, &out)
}

// Backup streams a backup, encrypted to the recipients of in, which the caller
// closes. id is known as soon as the hub has begun.
func (c *Client) Backup(ctx context.Context, in contract.Backup) (stream io.ReadCloser, id string, err error) {
	resp, err := c.send(ctx, http.MethodPost, "/local/backup", in)
	if err != nil {
		return nil, "", err
	}
	return resp.Body, resp.Header.Get(contract.BackupHeader), nil
}

// Export streams connections with their tokens, encrypted to the recipients of
// in, which the caller closes. id is known as soon as the hub has begun.
func (c *Client) Export(ctx context.Context, in contract.Export) (stream io.ReadCloser, id string, err error) {
	resp, err := c.send(ctx, http.MethodPost, "/local/connections/export", in)
	if err != nil {
		return nil, "", err
	}
	return resp.Body, resp.Header.Get(contract.BackupHeader), nil
}

// Import takes over the tokens of a connection.
func (c *Client) Import(ctx context.Context, in contract.Import) (out contract.Imported, err error) {
	return out, c.call(ctx, http.MethodPost, "/local/connections/import", in, &out)
}
